"""Private messages of Facebook and Instagram as items: recorded notices, notices by hand, rubbish of every sort."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.model.accounts import Account
from listener.model.heard import Deleted, Hearing, Item, Key, Mention, Reason, Reject
from listener.model.kinds import Kind, Via
from listener.service.hearing import Hearer
from listener.sources.base import Delivery
from listener.sources.meta import private
from listener.sources.meta.hook import GraphHook
from listener.sources.meta.shapes import Piece
from pretend.graph import SECRET, signed, written

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "api_samples" / "facebook_webhooks.jsonl.gz"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PAGE, MIRA = "104200000000001", "6900000000000001"
TERMS = private.Terms("facebook")
AT = 1793610688_000


def hook(terms: private.Terms = TERMS) -> GraphHook:
    def read(notice: Any) -> tuple[Item, ...]:
        return private.of_notice(notice, terms) if notice.field in private.FIELDS else ()

    return GraphHook("facebook", "page", read, app_secret=SECRET, verify_token="w")


def told(
    what: Any, terms: private.Terms = TERMS, *, by: str = MIRA, at: Any = AT, word: str = "messaging", sent: int = AT
) -> tuple[Item, ...]:
    """What a webhook's event says."""
    to = PAGE if by != PAGE else MIRA
    event = {"sender": {"id": by}, "recipient": {"id": to}, "timestamp": at, **what}
    body = written({"object": "page", "entry": [{"id": PAGE, "time": sent, word: [event]}]})
    return hook(terms).convert(Delivery(signed(body), body))


def said(text: Any = "Where is my parcel?", **other: Any) -> dict[str, Any]:
    return {"message": {"mid": "m_AG5H-z2.x", "text": text, **other}}


def test_a_private_message_is_its_accounts_own_and_its_thread_is_the_person() -> None:
    (one,) = told(said(reply_to={"mid": "m_1"}))
    assert isinstance(one, Mention)
    assert (one.key, one.kind, one.named) == (Key(f"facebook/{PAGE}", "m_AG5H-z2.x"), Kind.DM, (PAGE,))
    assert (one.root, private.person_of(one.root or ""), one.parent) == (f"with:{MIRA}", MIRA, "m_1")
    assert one.network_at is not None
    assert one.reply_until == one.network_at + timedelta(hours=24)
    (long,) = told(said(), private.Terms("facebook", private.BY_A_PERSON))
    assert isinstance(long, Mention)
    assert long.reply_until == one.network_at + timedelta(days=7)
    (echo,) = told(said("In the van.", is_echo=True), by=PAGE)
    assert isinstance(echo, Mention)
    assert (echo.author.external_id, echo.root, echo.named, echo.reply_until) == (PAGE, one.root, (), None)
    assert told(said(reply_to={"mid": "m_1"}), word="standby") == (one,), (
        "another program has taken it over: it is heard all the same"
    )
    change = {
        "field": "messages",
        "value": {"sender": {"id": MIRA}, "recipient": {"id": PAGE}, "timestamp": str(AT), **said()},
    }
    (same,) = hook().read(written({"object": "page", "entry": [{"id": PAGE, "time": AT, "changes": [change]}]}))
    assert isinstance(same, Mention)
    assert (same.key, same.network_at, same.text) == (one.key, one.network_at, one.text)
    assert hook().read(one.raw) == (one,)


def test_a_private_message_concerns_the_brand_of_its_account_and_no_topic_of_another() -> None:
    ours, other = (Account(number, number, "facebook", "facebook", f"{PAGE}{number}", "larkspur") for number in (1, 2))
    hearer = Hearer([ours, other], {1: lambda *_: ("parcels",), 2: lambda *_: ("parcels",)})
    (one,) = private.of_piece(
        Piece(
            private.EDGE,
            ours.external_id,
            {"id": "m_1", "message": "my parcel", "from": {"id": "9"}, "created_time": AT},
            NOW,
            "9",
        ),
        TERMS,
    )
    assert isinstance(one, Mention)
    assert hearer.hear(one) == (Hearing(1, Via.DM, account_id=1), Hearing(1, Via.TOPIC, topic="parcels"))


def test_pictures_are_counted_links_are_kept_and_what_has_no_words_is_there_all_the_same() -> None:
    files = [
        {"type": kind, "payload": {"url": "https://cdn.example/x"}}
        for kind in ("image", "audio", "location", "template")
    ]
    (one,) = told(
        said(None, attachments=[*files, {"type": "fallback", "url": "https://shop.example/", "payload": "x"}, 7])
    )
    assert isinstance(one, Mention)
    assert (one.text, one.media, one.links) == ("", 2, ("https://shop.example/",))
    (bare,) = told(said(None, is_unsupported=True))
    assert isinstance(bare, Mention)
    assert (bare.text, bare.media) == ("", 0)
    value = {
        "id": "m_1",
        "message": "",
        "from": {"id": MIRA},
        "created_time": AT,
        "attachments": {"data": [{"mime_type": "image/png"}]},
    }
    (seen,) = private.of_piece(Piece(private.EDGE, PAGE, value, NOW, MIRA), TERMS)
    assert isinstance(seen, Mention)
    assert seen.media == 1


def test_an_edit_wins_over_the_beginning_a_later_one_over_it_and_a_look_over_all() -> None:
    (new,), (first,), (second,) = (
        told(said()),
        *(
            told({"message_edit": {"mid": "m_AG5H-z2.x", "text": f"edit {turn}", "num_edit": turn}})
            for turn in (1, "2")
        ),
    )
    value = {"id": "m_AG5H-z2.x", "message": "edit 2", "from": {"id": MIRA, "name": "Mira Example"}, "created_time": AT}
    (seen,) = private.of_piece(Piece(private.EDGE, PAGE, value, datetime.fromtimestamp(AT / 1000, UTC), MIRA), TERMS)
    states = [one for one in (new, first, second, seen) if isinstance(one, Mention)]
    assert [one.text for one in states] == ["Where is my parcel?", "edit 1", "edit 2", "edit 2"]
    assert [one.revision for one in states] == sorted({one.revision for one in states})
    assert len({(one.key, one.root, one.network_at) for one in states}) == 1
    assert states[3].author.name == "Mira Example"
    assert told({"message": {"mid": "m_AG5H-z2.x", "is_deleted": True}}) == (Deleted(new.key),)


@pytest.mark.parametrize(
    "what", ["read", "delivery", "reaction", "postback", "optin", "pass_thread_control", "what comes next year"]
)
def test_what_is_no_message_is_passed_over(what: str) -> None:
    assert told({what: {"mid": "m_1", "payload": "x"}}) == ()


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({}, Reason.WRONG_SHAPE),
        ({"message": 7}, Reason.BAD_ID),
        (said(mid="../me"), Reason.BAD_ID),
        ({**said(), "sender": {}}, Reason.BAD_ID),
        (said(7), Reason.WRONG_SHAPE),
        ({"message_edit": {"mid": "m_1"}}, Reason.WRONG_SHAPE),
        (said("x" * 70_001), Reason.TOO_BIG),
    ],
)
def test_what_cannot_be_used_is_put_aside_with_its_reason_and_none_of_its_words(what: Any, reason: Reason) -> None:
    (one,) = told(what)
    assert isinstance(one, Reject)
    assert one.reason is reason
    assert "parcel" not in one.detail
    assert hook().read(one.raw) == (one,) or reason is Reason.TOO_BIG
    (late,) = told(said(), at=None, sent="never")  # type: ignore[arg-type]
    assert isinstance(late, Reject)
    assert late.reason is Reason.BAD_TIME


def test_every_recorded_private_notice_is_what_it_says_or_passed_over() -> None:
    if not RECORDED.exists():
        pytest.skip("the recorded notices are not here")
    found: dict[str, Item | None] = {}
    for line in gzip.decompress(RECORDED.read_bytes()).splitlines():
        box = json.loads(line)
        if box["fixture"].startswith("messaging"):
            (*items,) = hook().read(json.dumps(box["body"]).encode())
            found[box["fixture"].removeprefix("messaging-").removesuffix(".json")] = items[0] if items else None
    quiet = {name for name, item in found.items() if item is None}
    assert quiet == {"postback-basic", "postback-chat", "postback-referral", "reaction-2"}
    # Its ids are placeholders in sharp brackets.
    assert [name for name, item in found.items() if isinstance(item, Reject)] == ["message-product-template"]
    assert isinstance(found["message-isdeleted"], Deleted)
    said_there = {name: one for name, one in found.items() if isinstance(one, Mention)}
    assert said_there["message-basic"].text == "hello, world!"
    assert said_there["message-fallback-attachment"].links == ("https://www.messenger.com/",)
    assert said_there["message-media-attachment"].media == said_there["message-sticker-thumbup"].media == 1
    assert said_there["message-reply-1"].parent == "very_long_id_representing_the_original_message"
    assert said_there["message-edits"].revision > said_there["message-basic"].revision
    assert len(said_there) == 22


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["m_1", "9", str(AT)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "mid", "url", "type", "data", "payload", "username"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)
inner = st.fixed_dictionaries({}, optional={
    "mid": st.just("m_1") | anything, "text": anything, "attachments": anything, "reply_to": anything, "is_echo": anything,
    "is_deleted": anything, "num_edit": anything,
})  # fmt: skip
event = st.fixed_dictionaries({}, optional={
    "sender": st.just({"id": "9"}) | anything, "recipient": st.just({"id": PAGE}) | anything, "timestamp": st.just(AT) | anything,
    "message": inner | anything, "message_edit": inner | anything, "read": anything,
})  # fmt: skip
row = st.fixed_dictionaries({}, optional={
    "id": st.just("m_1") | anything, "message": anything, "from": st.just({"id": "9"}) | anything, "created_time": st.just(AT) | anything,
    "attachments": anything, "sticker": anything, "participants": anything,
})  # fmt: skip


@settings(max_examples=150)
@given(event | anything, row, anything)
def test_no_event_and_no_piece_raises(some: Any, read: dict[str, Any], at: Any) -> None:
    body = json.dumps(
        {"object": "page", "entry": [{"id": PAGE, "time": at, "messaging": [some], "standby": at}]}
    ).encode()
    for item in (*hook().read(body), *private.of_piece(Piece(private.EDGE, PAGE, read, NOW, "9"), TERMS)):
        if isinstance(item, Mention):
            item.text.encode()
            assert "\x00" not in item.text + item.author.handle + item.author.name
            assert re.fullmatch(r"\d{12}[aer](\d{4})?", item.revision)
            assert private.person_of(item.root or "")
        elif isinstance(item, Reject):
            assert re.fullmatch(r"[ -~]+", item.detail)
    private.whom(read, PAGE, frozenset({""}))
