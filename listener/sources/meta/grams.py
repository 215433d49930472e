"""What Instagram says about a professional account as items: webhook notices and pieces that were read. Pure; never raises; knows no wire.

Instagram tells of new comments only: edits and deletes are seen by looking again. A notice that somebody named us holds ids and no words:
it becomes a message without words by somebody unknown, and the look around the conversation that it opens brings both.
"""

from __future__ import annotations

from collections.abc import Mapping

from listener.harmless import storable
from listener.model.heard import Author, Hidden, Item, Key, Mention, Reason, Reject
from listener.model.kinds import Kind
from listener.sources.meta.shapes import (
    MAX_NAME,
    MAX_RAW,
    MAX_TEXT,
    NEW,
    PRIVATE_WINDOW,
    READ,
    Notice,
    Piece,
    content_of,
    count,
    ident,
    inside,
    moment,
    revision,
    table,
    words,
)

NAME = "instagram"
SPACE = "instagram"

Ours = Mapping[str, str]
"""Names of accounts of ours, in lower case, to their ids: Instagram may tell of us by another id than our own."""


def of_notice(notice: Notice, ours: Ours) -> tuple[Item, ...]:
    """What a notice about an account means; nothing: it is not for us."""
    if notice.field in {"comments", "live_comments"}:
        return (_comment(notice, ours),)
    if notice.field == "mentions":
        return (_named(notice),)
    return ()


def _comment(notice: Notice, ours: Ours) -> Mention | Reject:
    value = notice.value
    external_id, media = ident(value.get("id")), ident(inside(value, "media", "id"))
    text = value.get("text")
    if not external_id:
        return Reject(Reason.BAD_ID, "a comment without an id", notice.raw[:MAX_RAW])
    if not isinstance(text, str):
        return Reject(Reason.WRONG_SHAPE, "a comment without a text", notice.raw[:MAX_RAW])
    if len(text) > MAX_TEXT:
        return Reject(Reason.TOO_BIG, f"a text of {len(text)} characters", notice.raw[:MAX_RAW])
    at = moment(value.get("created_time")) or moment(value.get("timestamp")) or notice.sent_at
    said = storable(text)
    author = _author(value.get("from"), value.get("username"), external_id, notice.account, ours)
    return Mention(
        Key(SPACE, external_id),
        NAME,
        author,
        said,
        Kind.COMMENT,
        notice.raw,
        revision(None, NEW),
        content_of(said),
        parent=ident(value.get("parent_id")) or media or None,
        root=media or None,
        answers=(notice.account,),
        network_at=at,
        private_until=None if at is None or author.external_id == notice.account else at + PRIVATE_WINDOW,
    )


def _named(notice: Notice) -> Mention | Reject:
    comment, media = ident(notice.value.get("comment_id")), ident(notice.value.get("media_id"))
    external_id = comment or media
    if not media:
        return Reject(Reason.BAD_ID, "a mention without the id of a picture or film", notice.raw[:MAX_RAW])
    return Mention(
        Key(SPACE, external_id),
        NAME,
        unknown(external_id),
        "",
        Kind.COMMENT if comment else Kind.POST,
        notice.raw,
        "",  # before every state that has words
        "",
        parent=media if comment else None,
        root=media if comment else None,
        named=(notice.account,),
        network_at=notice.sent_at,
    )


def unknown(external_id: str, handle: str = "") -> Author:
    """Whoever wrote a message of which only the id was told; their name comes later, and the id stays."""
    return Author(SPACE, f"unknown:{external_id}", handle)


def _author(given: object, username: object, external_id: str, account: str, ours: Ours) -> Author:
    who = table(given)
    name = words(who.get("username")) or words(username)
    found, own = ident(who.get("id")), ident(who.get("self_ig_scoped_id"))
    handle = name[:MAX_NAME]
    if found == account or (found and found == own) or ours.get(name.lower()) == account:
        return Author(SPACE, account, handle)
    known = ours.get(name.lower(), "")
    return Author(SPACE, known or found or (f"name:{handle}" if handle else f"unknown:{external_id}"), handle)


def of_piece(piece: Piece, ours: Ours) -> tuple[Item, ...]:
    """What a piece that was read means: the message, and whether it is hidden, where the network says so."""
    value, is_comment, elsewhere = (
        piece.value,
        piece.edge in {"comment", "named comment"},
        piece.edge.startswith("named"),
    )
    told = piece.told("text" if is_comment else "caption", "timestamp", timeless=elsewhere)
    if isinstance(told, Reject):
        return (told,)
    external_id, said = told.id, told.text
    media = piece.post or ident(inside(value, "media", "id"))
    if elsewhere:
        author = unknown(
            external_id, (words(value.get("username")) or words(inside(value, "from", "username")))[:MAX_NAME]
        )
    else:
        author = _author(
            value.get("from") or value.get("user"), value.get("username"), external_id, piece.account, ours
        )
        if piece.edge == "media":
            author = Author(SPACE, piece.account, author.handle)
    named = elsewhere or piece.edge == "tagged"
    mention = Mention(
        Key(SPACE, external_id),
        NAME,
        author,
        said,
        Kind.COMMENT if is_comment else Kind.POST,
        piece.packed(),
        revision(piece.at, READ),
        content_of(said),
        parent=(ident(value.get("parent_id")) or media or None) if is_comment else None,
        root=(media or None) if is_comment else None,
        named=(piece.account,) if named else (),
        answers=() if named else (piece.account,),
        media=0 if is_comment else 1,
        url=_url(value.get("permalink")),
        network_at=told.at,
        likes=count(value.get("like_count")),
        replies=None if is_comment else count(value.get("comments_count")),
        private_until=told.at + PRIVATE_WINDOW
        if told.at and is_comment and not elsewhere and author.external_id != piece.account
        else None,
    )
    hidden = value.get("hidden")
    return (mention, Hidden(mention.key, hidden, piece.at)) if isinstance(hidden, bool) else (mention,)


def _url(given: object) -> str:
    url = words(given)
    return url[:2048] if url.startswith("https://") else ""
