"""What Facebook says about a Page as items: webhook notices and pieces that were read. Pure; never raises; knows no wire.

Owns what stands where: comments under posts, two levels deep; posts of ours, also those that are only advertisements; posts of visitors
and of those who name us. Likes, shares without words and private messages are not for us.
"""

from __future__ import annotations

from datetime import datetime

from listener.model.heard import Author, Deleted, Hidden, Item, Key, Mention, Reason, Reject
from listener.model.kinds import Kind
from listener.sources.meta.shapes import (
    EDITED,
    MAX_NAME,
    MAX_RAW,
    MAX_TEXT,
    NEW,
    PRIVATE_WINDOW,
    READ,
    Json,
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

NAME = "facebook"
SPACE = "facebook"

_POSTS = frozenset({"post", "status", "photo", "video", "share", "link", "note", "event", "offer"})
_NEW = frozenset({"add"})
_EDITED = frozenset({"edit", "edited", "update"})
_GONE = frozenset({"remove", "delete"})
_HIDES = {"hide": True, "unhide": False}
_VERBS = _NEW | _EDITED | _GONE | frozenset(_HIDES)
_MEDIA = frozenset({"photo", "video", "animated", "sticker", "album"})


def of_notice(notice: Notice) -> tuple[Item, ...]:
    """What a notice about a Page means; nothing: it is not for us."""
    value = notice.value
    item, verb = value.get("item"), value.get("verb")
    if notice.field not in {"feed", "mention"} or not isinstance(item, str) or not isinstance(verb, str):
        known = notice.field not in {"feed", "mention"}
        return () if known else (_reject(notice, Reason.WRONG_SHAPE, "a notice without what happened to what"),)
    if (item != "comment" and item not in _POSTS) or verb not in _VERBS:
        return ()
    external_id = ident(value.get("comment_id" if item == "comment" else "post_id"))
    if not external_id:
        return (_reject(notice, Reason.BAD_ID, f"a notice of a {_plain(item)} without its id"),)
    key = Key(SPACE, external_id)
    if verb in _GONE:
        return (Deleted(key),)
    if verb in _HIDES:
        at = notice.sent_at or moment(value.get("created_time"))
        return (
            (Hidden(key, _HIDES[verb], at),) if at else (_reject(notice, Reason.BAD_TIME, "a notice without a time"),)
        )
    if verb in _NEW:
        return (_told(notice, external_id, item, NEW),)
    # What was edited without saying how it now reads is left to the next look.
    if verb in _EDITED and isinstance(value.get("message"), str):
        return (_told(notice, external_id, item, EDITED),)
    return ()


def _told(notice: Notice, external_id: str, item: str, speaks_of: str) -> Mention | Reject:
    value = notice.value
    created = moment(value.get("created_time")) or notice.sent_at
    author = _author(value.get("from"), external_id, value.get("sender_id"), value.get("sender_name"))
    at = created if speaks_of == NEW else notice.sent_at or created
    post = ident(value.get("post_id"))
    is_comment = item == "comment"
    elsewhere = notice.field == "mention"
    if is_comment and not post:
        return _reject(notice, Reason.BAD_ID, "a comment without the post that it stands under")
    links = [words(value.get("link"))] if item in {"share", "link"} else []
    text = words(value.get("message"))
    if len(text) > MAX_TEXT:
        return _reject(notice, Reason.TOO_BIG, f"a text of {len(text)} characters")
    return Mention(
        Key(SPACE, external_id),
        NAME,
        author,
        text,
        Kind.COMMENT if is_comment else Kind.POST,
        notice.raw,
        revision(at, speaks_of),
        content_of(text),
        parent=(ident(value.get("parent_id")) or post) if is_comment else None,
        root=post if is_comment else None,
        named=(notice.account,) if elsewhere else (),
        answers=() if elsewhere else (notice.account,),
        links=tuple(link for link in links if 0 < len(link) <= 8192),
        media=1 if any(value.get(name) for name in ("photo", "video", "photos", "photo_id", "video_id")) else 0,
        url=_url(value.get("permalink_url") or inside(value, "post", "permalink_url"), external_id),
        network_at=created,
        private_until=_window(created, author, notice) if is_comment else None,
    )


def _window(created: datetime | None, author: Author, notice: Notice) -> datetime | None:
    ours = author.external_id == notice.account or notice.field != "feed"
    return None if created is None or ours else created + PRIVATE_WINDOW


def _author(given: object, external_id: str, sender_id: object = None, sender_name: object = None) -> Author:
    """Who wrote it. Where the network does not say, somebody unknown who wrote this alone: two such are never taken for one."""
    who = table(given)
    found = ident(who.get("id")) or ident(sender_id)
    name = words(who.get("name")) or words(sender_name)
    return Author(SPACE, found or f"unknown:{external_id}", "", name[:MAX_NAME])


def _url(given: object, external_id: str) -> str:
    url = words(given)
    if url.startswith("/"):
        url = f"https://www.facebook.com{url}"
    return url[:2048] if url.startswith("https://") else f"https://www.facebook.com/{external_id}"


def _plain(item: str) -> str:
    return item if item == "comment" or item in _POSTS else "thing"


def _reject(notice: Notice, reason: Reason, detail: str) -> Reject:
    return Reject(reason, detail, notice.raw[:MAX_RAW])


# What was read ---------------------------------------------------------------------------------------------------------


def of_piece(piece: Piece) -> tuple[Item, ...]:
    """What a piece that was read means: the message, and whether it is hidden, where the network says so."""
    value, told = piece.value, piece.told("message", "created_time")
    if isinstance(told, Reject):
        return (told,)
    external_id, said, is_comment = told.id, told.text, piece.edge == "comment"
    author = _author(value.get("from"), external_id)
    if "from" not in value and piece.edge == "post":
        author = Author(SPACE, piece.account)
    ours = author.external_id == piece.account
    above = ident(inside(value, "parent", "id"))
    # Where the post is not known, the comment above will say it, else the comment's own id.
    post = piece.post or (post_of(external_id, piece.account) if is_comment and not above else "")
    named = _named(value.get("message_tags"))
    mention = Mention(
        Key(SPACE, external_id),
        NAME,
        author,
        said,
        Kind.COMMENT if is_comment else Kind.POST,
        piece.packed(),
        revision(piece.at, READ),
        content_of(said),
        parent=(above or post or None) if is_comment else None,
        root=(post or None) if is_comment else None,
        named=tuple(dict.fromkeys([*named, *([piece.account] if piece.edge == "tagged" else [])])),
        answers=() if piece.edge == "tagged" else (piece.account,),
        media=1 if _has_picture(value) else 0,
        url=_url(value.get("permalink_url"), external_id),
        network_at=told.at,
        likes=count(value.get("like_count")),
        reposts=count(inside(value, "shares", "count")),
        replies=count(value.get("comment_count")) if is_comment else count(inside(value, "comments", "summary", "total_count")),
        private_until=told.at + PRIVATE_WINDOW if told.at and is_comment and not ours else None,
    )  # fmt: skip
    hidden = value.get("is_hidden")
    return (mention, Hidden(mention.key, hidden, piece.at)) if isinstance(hidden, bool) else (mention,)


def post_of(comment_id: str, page: str) -> str:
    """The post of a Page that a comment stands under, by its id; '' where that does not say it."""
    post, bar, _ = comment_id.partition("_")
    return f"{page}_{post}" if bar and post else ""


def _named(tags: object) -> list[str]:
    """Ids of those whom a text names by the network's own markup; it comes as a list, or as lists by place."""
    rows = tags if isinstance(tags, list) else []
    if isinstance(tags, dict):
        rows = [one for many in tags.values() if isinstance(many, list) for one in many]
    return [found for one in rows[:100] if (found := ident(inside(one, "id")))]


def _has_picture(value: Json) -> bool:
    """Whether it carries a picture or a film; a link's preview is none."""
    rows = inside(value, "attachments", "data")
    kinds = [
        inside(value, "attachment", "type"),
        *(inside(one, "media_type") for one in (rows if isinstance(rows, list) else [])),
    ]
    return any(isinstance(kind, str) and kind.startswith(tuple(_MEDIA)) for kind in kinds)
