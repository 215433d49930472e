"""Telegram's converters: what each shape means, what a hostile one costs, and that no bytes whatever make them raise."""

from __future__ import annotations

import gzip
import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.model.heard import Author, Deleted, Item, Key, Mention, Profile, Reason, Reject
from listener.model.kinds import Audience, Kind
from listener.sources.telegram import convert
from listener.sources.telegram.convert import UPDATES, Us, convert_update, kept, place, reread

CONTRACT = Path("/work") / "shared" / "contracts" / "telegram-bot-api.json.gz"
US = Us("99", "Acme_bot", frozenset({"-1001", "acme_news"}))
GROUP = {"id": -1001500000001, "type": "supergroup", "title": "Acme talk", "username": "acme_talk"}
MIRA = {
    "id": 7712001,
    "is_bot": False,
    "first_name": "Mira",
    "last_name": "Ex",
    "username": "mira_ex",
    "language_code": "nb",
}
BOT = {"id": 99, "is_bot": True, "first_name": "Acme", "username": "acme_bot"}
NEWS = {"id": -1001, "type": "channel", "title": "Acme news", "username": "acme_news"}
SAID: dict[str, Any] = {
    "message_id": 501,
    "date": 1793610688,
    "chat": GROUP,
    "from": MIRA,
    "text": "👩‍👩‍👧‍👦 @Acme_Bot ship to Norway? #help shop.example",
    "entities": [
        {"type": "mention", "offset": 12, "length": 9},
        {"type": "hashtag", "offset": 38, "length": 5},
        {"type": "url", "offset": 44, "length": 12},
        {"type": "text_mention", "offset": 0, "length": 11, "user": {"id": 42, "is_bot": False, "first_name": "Ola"}},
        {"type": "text_link", "offset": 22, "length": 4, "url": "https://ship.example/"},
    ],
}


def read(message: Any, kind: str = "message", number: int = 91000001, us: Us = US) -> tuple[Item, ...]:
    return convert_update(us, json.dumps({"update_id": number, kind: message}).encode())


def one(message: Any, kind: str = "message", number: int = 91000001) -> Mention:
    (found,) = read(message, kind, number)
    assert isinstance(found, Mention), found
    return found


def test_a_message_of_a_group_with_marks_counted_in_utf_16() -> None:
    said = one(SAID)
    assert said.key == Key("telegram", "-1001500000001/501")
    assert said.author == Author("telegram", "7712001", "mira_ex", "Mira Ex")
    assert (said.named, said.tags) == (("99", "42"), ("help",))
    assert said.links == ("https://shop.example", "https://ship.example/")
    assert (said.kind, said.parent, said.root, said.answers) == (Kind.POST, None, None, ())
    assert said.url == "https://t.me/acme_talk/501"
    assert said.langs == (), "what language somebody's app is in says nothing about what they wrote"
    assert said.network_at == datetime.fromtimestamp(1793610688, UTC)
    assert reread(said.raw, [US]) == (said,)


def test_an_edit_is_the_same_message_in_a_later_state_however_the_updates_are_numbered() -> None:
    first, second = one(SAID), one({**SAID, "text": "never mind", "edit_date": 1793610700}, "edited_message", 7)
    third = one({**SAID, "text": "mind", "edit_date": 1793610700}, "edited_message", 8)
    assert first.key == second.key
    assert first.revision < second.revision < third.revision
    assert len({first.content_id, second.content_id, third.content_id}) == 3


def test_an_answer_to_the_bot_addresses_it_and_brings_what_it_answers() -> None:
    ours = {"message_id": 490, "date": 1793610000, "chat": GROUP, "from": BOT, "text": "We ship everywhere."}
    above, said = read({**SAID, "entities": [], "reply_to_message": ours, "message_thread_id": 480})
    assert isinstance(above, Mention)
    assert isinstance(said, Mention)
    assert (above.key.external_id, above.author.external_id) == ("-1001500000001/490", "99")
    assert reread(above.raw, [US]) == (above,)
    assert (said.kind, said.parent, said.root) == (Kind.REPLY, "-1001500000001/490", "-1001500000001/480")
    assert said.answers == ("99",)
    other = one({**SAID, "reply_to_message": {**ours, "from": MIRA}})
    assert (other.parent, other.answers) == ("-1001500000001/490", ())


def test_a_comment_under_a_post_of_our_channel_answers_us() -> None:
    forward = {"message_id": 480, "date": 1793610000, "chat": GROUP, "from": {"id": 777000, "is_bot": False, "first_name": "Telegram"},
               "sender_chat": NEWS, "is_automatic_forward": True, "text": "New colours"}  # fmt: skip
    post = one(forward)
    assert post.author.external_id == "99", "what our channel says is ours"
    above, said = read({**SAID, "reply_to_message": forward, "message_thread_id": 480})
    assert isinstance(said, Mention)
    assert (said.kind, said.answers, said.root) == (Kind.COMMENT, ("99",), "-1001500000001/480")
    assert isinstance(above, Mention)
    strange = one({**SAID, "reply_to_message": {**forward, "sender_chat": {**NEWS, "id": -1002, "username": "other"}}})
    assert strange.answers == ()
    told = one(
        {"message_id": 3, "date": 1793610000, "chat": NEWS, "sender_chat": NEWS, "text": "New colours"}, "channel_post"
    )
    assert (told.author.external_id, told.key.external_id) == ("99", "-1001/3")


def test_in_a_forum_the_topic_is_no_message_that_is_answered() -> None:
    begun = {"message_id": 12, "date": 1793610000, "chat": GROUP, "from": MIRA, "forum_topic_created": {"name": "Help"}}
    said = one({**SAID, "reply_to_message": begun, "message_thread_id": 12, "is_topic_message": True})
    assert (said.parent, said.root) == (None, None)


def test_private_chats_and_small_groups_are_each_bots_own() -> None:
    chat = {"id": 7712001, "type": "private", "first_name": "Mira"}
    said = one({**SAID, "chat": chat, "entities": []})
    assert said.key == Key("telegram/99", "7712001/501")
    assert (said.kind, said.named, said.root, said.url) == (Kind.DM, ("99",), "7712001/0", "")
    small = one({**SAID, "chat": {"id": -4711, "type": "group", "title": "few"}})
    assert small.audience is Audience.MEMBERS
    assert one(SAID).audience is Audience.PUBLIC, "a group with a name is open to all"
    assert small.key == Key("telegram/99", "-4711/501")


def test_a_business_chat_is_apart_and_its_deletes_are_told() -> None:
    chat = {"id": 7712001, "type": "private", "first_name": "Mira"}
    said = one({**SAID, "chat": chat, "business_connection_id": "conn-1"}, "business_message")
    assert (said.key, said.kind) == (Key("telegram/99", "conn-1:7712001/501"), Kind.DM)
    assert said.reply_until is not None
    assert said.network_at is not None
    assert (said.reply_until - said.network_at).total_seconds() == 86400
    ours = one(
        {**SAID, "chat": chat, "entities": [], "business_connection_id": "conn-1", "from": {**MIRA, "id": 3}},
        "business_message",
    )
    assert (ours.author.external_id, ours.named) == ("99", ()), "whoever is not the customer is us"
    gone = read(
        {"business_connection_id": "conn-1", "chat": chat, "message_ids": [501, 502, "x"]}, "deleted_business_messages"
    )
    assert gone == (Deleted(said.key), Deleted(Key("telegram/99", "conn-1:7712001/502")))
    there = place(said.key.external_id)
    assert there is not None
    assert (there.business, there.chat, there.number, there.private) == ("conn-1", 7712001, 501, True)


def test_captions_pictures_and_admins_who_speak_as_the_group() -> None:
    picture = {name: SAID[name] for name in ("message_id", "date", "chat")} | {
        "from": {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"},
        "sender_chat": GROUP, "caption": "@acme_bot look", "caption_entities": [{"type": "mention", "offset": 0, "length": 9}],
        "photo": [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}],
    }  # fmt: skip
    said = one(picture)
    assert (said.text, said.media, said.named) == ("@acme_bot look", 1, ("99",))
    assert said.author == Author("telegram", "-1001500000001", "acme_talk", "Acme talk")
    moving = one({**picture, "photo": None, "animation": {"file_id": "a"}, "document": {"file_id": "a"}})
    assert moving.media == 1


@pytest.mark.parametrize(
    "told", [{"migrate_to_chat_id": -1009}, {"new_chat_members": [MIRA]}, {"pinned_message": SAID}]
)
def test_what_the_chat_says_of_itself_is_nothing(told: dict[str, Any]) -> None:
    assert read({name: SAID[name] for name in ("message_id", "date", "chat", "from")} | told) == ()
    assert convert_update(US, b'{"update_id":1,"poll":{}}') == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"message_id": None}, Reason.BAD_ID),
        ({"message_id": "501"}, Reason.BAD_ID),
        ({"chat": {"id": 2**60}}, Reason.BAD_ID),
        ({"business_connection_id": "a/b"}, Reason.BAD_ID),
        ({"date": 0}, Reason.BAD_TIME),
        ({"date": "today"}, Reason.BAD_TIME),
        ({"text": 7}, Reason.WRONG_SHAPE),
        ({"from": None}, Reason.WRONG_SHAPE),
        ({"text": "x" * 30_001}, Reason.TOO_BIG),
    ],
)
def test_what_cannot_be_used_says_why(change: dict[str, Any], reason: Reason) -> None:
    (no,) = read({**SAID, **change})
    assert isinstance(no, Reject)
    assert no.reason is reason
    assert reread(no.raw, [US]) == (no,)


def test_an_update_that_is_none_says_so() -> None:
    for raw, reason in ((b"{", Reason.NOT_DECODED), (b"[]", Reason.NOT_DECODED), (b"{}", Reason.BAD_ID)):
        (no,) = convert_update(US, raw)
        assert isinstance(no, Reject)
        assert no.reason is reason


def test_a_profile_is_what_get_chat_tells() -> None:
    told = convert.convert_profile(json.dumps({**MIRA, "type": "private", "bio": "I knit"}).encode(), one(SAID).author)
    assert isinstance(told, Profile)
    assert (told.bio, told.author.name) == ("I knit", "Mira Ex")
    assert isinstance(convert.convert_profile(b'{"id":1}', one(SAID).author), Reject)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
PATHS = [(name,) for name in (*SAID, "reply_to_message", "sender_chat", "edit_date", "message_thread_id", "caption", "photo",
                              "external_reply", "business_connection_id", "poll", "rich_message", "is_topic_message")] + [
    ("chat", "id"), ("chat", "type"), ("chat", "username"), ("from", "id"), ("from", "username"), ("from", "first_name"),
    ("entities", 0), ("entities", 0, "offset"), ("entities", 0, "type"), ("entities", 3, "user"),
]  # fmt: skip


@settings(max_examples=150)
@given(st.sampled_from(PATHS), json_values, st.sampled_from(UPDATES))
def test_no_value_anywhere_makes_it_raise(path: tuple[Any, ...], value: Any, kind: str) -> None:
    message = deepcopy({**SAID, "reply_to_message": {**SAID, "from": BOT}})
    at: Any = message
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    for item in read(message, kind):
        assert isinstance(item, Mention | Reject | Deleted)
        if isinstance(item, Mention):
            assert item in reread(item.raw, [US])
            item.text.encode()


@settings(max_examples=60)
@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(
    ("type", "text", "blocks", "items", "cells", "caption", "credit", "label", "user", "url", "photo"), json_values)), max_size=3))  # fmt: skip
def test_no_rich_message_makes_it_raise(blocks: list[Any]) -> None:
    read({**{name: SAID[name] for name in ("message_id", "date", "chat", "from")}, "rich_message": {"blocks": blocks}})


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    convert_update(US, raw)
    convert.convert_sent(US, raw)
    convert.update_number(raw)
    reread(raw, [US])
    reread(kept(US, "update", raw), [US])


def test_deep_nesting_is_too_big_and_nothing_worse() -> None:
    deep = (
        b'{"update_id":1,"message":{"message_id":1,"date":1793610000,"chat":{"id":-1},"from":{"id":1},"text":"x","photo":%s}}'
        % (b"[" * 900 + b"]" * 900)
    )
    assert len(convert_update(US, deep)) == 1


USED = {
    "Update": {"update_id", *UPDATES},
    "Message": {
        "message_id", "date", "edit_date", "chat", "from", "sender_chat", "text", "entities", "caption", "caption_entities",
        "reply_to_message", "message_thread_id", "is_topic_message", "is_automatic_forward", "external_reply", "forum_topic_created",
        "business_connection_id", "animation", "document", *convert._FILES, *convert._OTHER,
    },
    "Chat": {"id", "type", "title", "username", "first_name", "last_name"},
    "User": {"id", "username", "first_name", "last_name", "can_read_all_group_messages", "can_join_groups"},
    "MessageEntity": {"type", "offset", "length", "url", "user"},
    "BusinessMessagesDeleted": {"business_connection_id", "chat", "message_ids"},
    "ExternalReplyInfo": {"chat", "message_id"},
    "ChatFullInfo": {"id", "bio", "description", "username"},
    "WebhookInfo": {"url"},
    "ResponseParameters": {"retry_after", "migrate_to_chat_id"},
    "Poll": {"question"},
}  # fmt: skip


def test_every_field_that_is_read_is_in_the_published_contract() -> None:
    if not CONTRACT.exists():
        pytest.skip("the published contract of the Bot API is not on this machine")
    types = json.loads(gzip.decompress(CONTRACT.read_bytes()))["types"]
    for name, fields in USED.items():
        assert fields <= {one["name"] for one in types[name]["fields"]}, name
