"""Telegram's wire as our words: pure functions from bytes to items that never raise, whatever the bytes are.

Owns what an update means, and how a message is called. Ids of supergroups and channels are the same for everybody and stand in the space
`telegram`; those of private chats and of small groups are each bot's own and stand in `telegram/<bot>`. A message is
`<chat>/<number>`, with the business connection before it where it came by one. It refuses to guess: who is named comes from entities.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.harmless import storable
from listener.model.heard import Author, Deleted, Item, Key, Mention, Profile, Reason, Reject
from listener.model.kinds import Audience, Kind
from listener.sources.base import private_space
from listener.sources.telegram.rich import flat

NAME = "telegram"
SPACE = "telegram"

MESSAGES = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_message",
    "edited_business_message",
)
"""The kinds of update that carry a message."""
GONE = "deleted_business_messages"
UPDATES = (*MESSAGES, GONE)
"""What we ask for. Telegram tells of no other deletes."""

BUSINESS_WINDOW = timedelta(hours=24)
"""How long after somebody's last words a bot may answer for a business."""

MAX_UPDATE = 1 << 20
MAX_RAW = 64 << 10
"""Bytes kept of an item that could not be used."""
MAX_TEXT = 30_000
"""Code points; seven times what the network takes."""
MAX_LIST = 100

_FILES = ("photo", "video", "audio", "voice", "video_note", "sticker", "story", "live_photo", "paid_media")
_OTHER = ("rich_message", "poll", "location", "venue", "contact", "dice", "game", "checklist")
"""Said without words: a person sees in Telegram what it is."""
_FIRST, _LAST = 1_356_998_400, 7_258_118_400  # 2013, before there was a Telegram; 2200
_LARGEST = 1 << 53
_BUSINESS = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PLACE = re.compile(r"(?:([A-Za-z0-9_-]{1,128}):)?(-?\d{1,16})/(\d{1,16})")
_KEPT = re.compile(rb'\{"bot":"(\d{1,16})","(update|sent)":')
_USERNAME = re.compile(r"[A-Za-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class Us:
    """Which bot hears, and which chats speak for us beside it."""

    id: str
    username: str = ""
    """Without the @, as the settings name it."""
    chats: frozenset[str] = frozenset()
    """Ids, and user names in small letters without the @."""

    @property
    def author(self) -> Author:
        """The bot as an author."""
        return Author(SPACE, self.id, self.username)

    def speaks(self, chat: Mapping[str, Any]) -> bool:
        """Whether what is said in the name of this chat is said by us."""
        return str(chat.get("id")) in self.chats or str(chat.get("username") or " ").lower() in self.chats


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message is, as the Bot API wants it."""

    business: str
    chat: int
    number: int

    @property
    def private(self) -> bool:
        """Whether only one person and we see it: people's ids are above zero, those of groups and channels below."""
        return self.chat > 0


def place(external_id: str) -> Place | None:
    """The parts of a message's id; None: it is none of ours."""
    found = _PLACE.fullmatch(external_id)
    return None if found is None else Place(found[1] or "", int(found[2]), int(found[3]))


def kept(us: Us, word: str, raw: bytes) -> bytes:
    """Bytes as they are kept: with the bot that heard them, without which they cannot be read again."""
    return b'{"bot":"%s","%s":%s}' % (us.id.encode(), word.encode(), raw)


def reread(raw: bytes, bots: Sequence[Us]) -> tuple[Item, ...]:
    """What kept bytes say by the converters of now. Never raises."""
    found = _KEPT.match(raw)
    if found is None:
        return (Reject(Reason.NOT_DECODED, "neither an update nor something that we sent", raw[:MAX_RAW]),)
    bot, inner = found[1].decode(), raw[found.end() : -1]
    us = next((one for one in bots if one.id == bot), Us(bot))
    return convert_update(us, inner) if found[2] == b"update" else convert_sent(us, inner)


def update_number(raw: bytes) -> int | None:
    """The update's own number, by which it is confirmed; None: it has none."""
    update = _loaded(raw)
    return None if update is None else _whole(update.get("update_id"))


def convert_update(us: Us, raw: bytes) -> tuple[Item, ...]:
    """What one update says to us; nothing for kinds that we do not know and for what Telegram tells of the chat itself. Never raises."""
    if len(raw) > MAX_UPDATE:
        return (Reject(Reason.TOO_BIG, f"an update of {len(raw)} bytes", raw[:MAX_RAW]),)
    update = _loaded(raw)
    if update is None:
        return (Reject(Reason.NOT_DECODED, "an update that is no JSON object", raw[:MAX_RAW]),)
    whole = kept(us, "update", raw)
    number = _whole(update.get("update_id"))
    if number is None or number < 0:
        return (Reject(Reason.BAD_ID, "an update without its number", whole[:MAX_RAW]),)
    try:
        for word in MESSAGES:
            if word in update:
                return _message(us, update[word], number, whole)
        return _gone(us, update[GONE], whole) if GONE in update else ()
    except RecursionError:
        return (Reject(Reason.TOO_BIG, "an update nested too deeply", whole[:MAX_RAW]),)


def convert_sent(us: Us, raw: bytes) -> tuple[Item, ...]:
    """A message as the network answered when we sent it. Never raises."""
    message = _loaded(raw)
    whole = kept(us, "sent", raw)
    try:
        return _message(us, message, 0, whole)
    except RecursionError:
        return (Reject(Reason.TOO_BIG, "what we sent, nested too deeply", whole[:MAX_RAW]),)


def convert_profile(raw: bytes, author: Author) -> Profile | Reject:
    """The answer of getChat. Never raises."""
    chat = _loaded(raw)
    if chat is None or str(chat.get("id")) != author.external_id:
        return Reject(Reason.WRONG_SHAPE, "getChat answered with another chat", raw[:MAX_RAW])
    bio = chat.get("bio") or chat.get("description")
    return Profile(_named_author(chat), storable(bio)[:30_000] if isinstance(bio, str) else "")


# A message -----------------------------------------------------------------------------------------------------------


def _message(us: Us, message: object, update: int, raw: bytes) -> tuple[Item, ...]:
    if not isinstance(message, dict):
        return (Reject(Reason.WRONG_SHAPE, "said, but no object", raw[:MAX_RAW]),)
    chat = _object(message.get("chat"))
    chat_id, number = _whole(chat.get("id")), _whole(message.get("message_id"))
    business = message.get("business_connection_id") or ""
    if not chat_id or number is None or number <= 0:
        return (Reject(Reason.BAD_ID, "the chat or its number in the chat is missing, or is none", raw[:MAX_RAW]),)
    if not isinstance(business, str) or (business and not _BUSINESS.fullmatch(business)):
        return (Reject(Reason.BAD_ID, "a business connection that is none", raw[:MAX_RAW]),)
    at = _moment(message.get("date"))
    if at is None:
        return (Reject(Reason.BAD_TIME, "its date is none", raw[:MAX_RAW]),)
    text, entities, media = _content(message)
    if text is None:
        return (Reject(Reason.WRONG_SHAPE, "its text is not text", raw[:MAX_RAW]),)
    if not text and not media and not any(word in message for word in _OTHER):
        return ()  # who came and went, what was pinned, and other things of the chat itself
    if len(text) > MAX_TEXT:
        return (Reject(Reason.TOO_BIG, f"a text of {len(text)} characters", raw[:MAX_RAW]),)
    author = _author(us, message, chat, business)
    if author is None:
        return (Reject(Reason.WRONG_SHAPE, "no author", raw[:MAX_RAW]),)
    shared, private = chat.get("type") in ("supergroup", "channel"), chat.get("type") == "private"
    where = f"{business}:{chat_id}" if business else str(chat_id)
    above, to_us, context = _above(us, message, where)
    named, links, tags = _marked(us, text, entities)
    ours = author.external_id == us.id
    if private and not ours:
        named = (us.id,)
    edited = _moment(message.get("edit_date"))
    mention = Mention(
        Key(SPACE if shared else private_space(SPACE, us.id), f"{where}/{number}"),
        NAME,
        author,
        storable(text),
        _kind(message, above, private),
        raw,
        # The numbers of updates begin anew after a quiet week, so the time comes first; they part the edits of one second.
        revision=f"{int((edited or at).timestamp()):011d}.{min(update, _LARGEST):016d}",
        content_id=_digest(text, entities, message),
        parent=above,
        root=_root(message, where, number, private),
        quoted=_quoted(message) if shared else None,
        named=named,
        tags=tags,
        links=links,
        media=media,
        url=_url(chat, chat_id, number),
        network_at=at,
        reply_until=at + BUSINESS_WINDOW if business else None,
        audience=_audience(chat),
        answers=(us.id,) if to_us and not private else (),
    )
    return (*context, mention)


def _audience(chat: Mapping[str, Any]) -> Audience:
    """Never fewer than can read it: a supergroup without a name may be where everybody comments on a channel."""
    closed = chat.get("type") in ("group", "channel") and not chat.get("username")
    return Audience.MEMBERS if closed else Audience.PUBLIC


def _content(message: Mapping[str, Any]) -> tuple[str | None, list[Any], int]:
    """(text or caption, its entities, pictures and files); no text at all is ''."""
    text, entities = message.get("text"), message.get("entities")
    if text is None:
        text, entities = message.get("caption"), message.get("caption_entities")
    rich = message.get("rich_message")
    if text is None and isinstance(rich, dict):
        read = flat(rich)
        return "".join(read.parts).rstrip("\n"), read.entities[:MAX_LIST], min(read.media, MAX_LIST)
    if text is None:
        question = _object(message.get("poll")).get("question")
        text, entities = question if isinstance(question, str) else "", None
    media = sum(1 for word in _FILES if message.get(word))
    if message.get("animation") or message.get("document"):
        media += 1  # an animation is told as a document too
    return (text if isinstance(text, str) else None), (entities if isinstance(entities, list) else [])[:MAX_LIST], media


def _author(us: Us, message: Mapping[str, Any], chat: Mapping[str, Any], business: str) -> Author | None:
    """Who says it: a channel or an anonymous admin speaks as a chat; in a business chat whoever is not the customer is us."""
    speaker = _object(message.get("sender_chat"))
    if _whole(speaker.get("id")):
        return us.author if us.speaks(speaker) else _named_author(speaker)
    person = _object(message.get("from"))
    if not _whole(person.get("id")):
        # Posts of a channel may come without anybody.
        return (us.author if us.speaks(chat) else _named_author(chat)) if chat.get("type") == "channel" else None
    if business and person.get("id") != chat.get("id"):
        return us.author
    return _named_author(person)


def _named_author(one: Mapping[str, Any]) -> Author:
    handle = one.get("username")
    words = [one.get("title"), one.get("first_name"), one.get("last_name")]
    name = " ".join(word for word in words if isinstance(word, str) and word)
    good = isinstance(handle, str) and _USERNAME.fullmatch(handle)
    return Author(SPACE, str(one.get("id")), str(handle) if good else "", storable(name)[:640])


def _above(us: Us, message: Mapping[str, Any], where: str) -> tuple[str | None, bool, tuple[Item, ...]]:
    """(the message that it answers, whether that is ours, and then that message itself: a bot is never told of its own otherwise)."""
    above = _object(message.get("reply_to_message"))
    number = _whole(above.get("message_id"))
    if number is None or number <= 0 or "forum_topic_created" in above:
        return None, False, ()  # every message of a forum's topic that answers nobody points to the topic's beginning
    chat = _object(above.get("chat"))
    author = _author(us, above, chat, str(message.get("business_connection_id") or ""))
    if author is None or author.external_id != us.id:
        return f"{where}/{number}", False, ()
    above.pop("reply_to_message", None)  # there is none by contract
    raw = json.dumps(above, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    told = _message(us, above, 0, kept(us, "sent", raw))
    return f"{where}/{number}", True, tuple(item for item in told if isinstance(item, Mention))


def _kind(message: Mapping[str, Any], above: str | None, private: bool) -> Kind:
    if private:
        return Kind.DM
    if above is None:
        return Kind.POST
    post = _object(message.get("reply_to_message")).get("is_automatic_forward") is True
    return Kind.COMMENT if post else Kind.REPLY


def _root(message: Mapping[str, Any], where: str, number: int, private: bool) -> str | None:
    """A private chat is one thread. Of a group the network says where a thread begins, unless that is the topic of a forum."""
    if private:
        return f"{where}/0"
    thread = _whole(message.get("message_thread_id"))
    if thread is None or thread <= 0 or thread == number or message.get("is_topic_message") is True:
        return None
    return f"{where}/{thread}"


def _quoted(message: Mapping[str, Any]) -> str | None:
    other = _object(message.get("external_reply"))
    chat, number = _whole(_object(other.get("chat")).get("id")), _whole(other.get("message_id"))
    return f"{chat}/{number}" if chat and number and number > 0 else None


def _marked(us: Us, text: str, entities: Sequence[object]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Whom it names, where it leads, what it is about. Offsets count UTF-16 units. Of names only the bot's own and those with an id."""
    named: list[str] = []
    links: list[str] = []
    tags: list[str] = []
    wide = text.encode("utf-16-le", "surrogatepass") if entities else b""
    ours = f"@{us.username.lower()}" if us.username else ""
    for entity in map(_object, entities):
        offset, length = _whole(entity.get("offset")), _whole(entity.get("length"))
        if offset is None or length is None or offset < 0 or length <= 0 or 2 * (offset + length) > len(wide):
            continue
        word = wide[2 * offset : 2 * (offset + length)].decode("utf-16-le", "replace")
        sort, user, url = entity.get("type"), _object(entity.get("user")), entity.get("url")
        if (sort == "mention" and word.lower() == ours) or (
            sort == "bot_command" and ours and word.lower().endswith(ours)
        ):
            named.append(us.id)
        elif sort == "text_mention" and _whole(user.get("id")):
            named.append(str(user["id"]))
        elif sort == "hashtag":
            tags.append(storable(word.lstrip("#＃"))[:640])
        elif sort == "url":
            links.append(storable(word if "://" in word else f"https://{word}"))
        elif sort == "text_link" and isinstance(url, str):
            links.append(storable(url))
    return _unique(named), _unique([link for link in links if len(link) <= 8192]), _unique(tags)


def _unique(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))[:MAX_LIST]


def _digest(text: str, entities: Sequence[object], message: Mapping[str, Any]) -> str:
    files = [_file_ids(message[word]) for word in (*_FILES, "animation", "document") if word in message]
    made = json.dumps([text, entities, files], sort_keys=True).encode("utf-8", "surrogatepass")
    return hashlib.sha256(made).hexdigest()[:32]


def _file_ids(found: object) -> list[str]:
    many = found if isinstance(found, list) else [found]
    return [str(one.get("file_unique_id")) for one in many[:MAX_LIST] if isinstance(one, dict)]


def _url(chat: Mapping[str, Any], chat_id: int, number: int) -> str:
    """Where a person can see it: none for private chats and small groups."""
    name = chat.get("username")
    if chat.get("type") not in ("supergroup", "channel"):
        return ""
    if isinstance(name, str) and _USERNAME.fullmatch(name):
        return f"https://t.me/{name}/{number}"
    digits = str(chat_id)
    return f"https://t.me/c/{digits[4:]}/{number}" if digits.startswith("-100") and len(digits) > 4 else ""


def _gone(us: Us, told: object, raw: bytes) -> tuple[Item, ...]:
    gone = _object(told)
    business, chat = gone.get("business_connection_id"), _whole(_object(gone.get("chat")).get("id"))
    numbers = gone.get("message_ids")
    if not isinstance(business, str) or not _BUSINESS.fullmatch(business) or not chat or not isinstance(numbers, list):
        return (Reject(Reason.WRONG_SHAPE, "deletes without their chat", raw[:MAX_RAW]),)
    space = private_space(SPACE, us.id)
    found = [_whole(number) for number in numbers]
    return tuple(
        Deleted(Key(space, f"{business}:{chat}/{number}")) for number in found if number is not None and number > 0
    )


# Values --------------------------------------------------------------------------------------------------------------


def _loaded(raw: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _object(found: object) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _whole(found: object) -> int | None:
    """A whole number that the network can mean: at most 52 bits."""
    return found if isinstance(found, int) and not isinstance(found, bool) and abs(found) < _LARGEST else None


def _moment(found: object) -> datetime | None:
    seconds = _whole(found)
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None and _FIRST <= seconds <= _LAST else None
