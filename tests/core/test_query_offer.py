"""Completion and hover: what may stand at the cursor of a half-typed query, and what the thing under it means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.query.fields import FIELDS, Sort, Use, fields_for
from listener.query.glance import Mark, glance
from listener.query.names import Names
from listener.query.offer import MOST, hover, offers

NAMES = Names({"giveaway": ("win*", "free stuff"), "vip": ("@mira", "jo")}, {"outage": "down OR broken"})
HELD = {"tag": ("billing", "two words", 'quo"ted', "-odd"), "team": ("care",), "author": ("mira.example", "x*y")}


def inserts(text: str, use: Use = Use.VIEW) -> list[str]:
    """What is offered where the bar stands in a text (else at its end)."""
    at = text.find("¦")
    text = text.replace("¦", "")
    return [one.insert for one in offers(text, len(text) if at < 0 else at, use, NAMES, HELD).offers]


def taken(text: str, choice: int = 0, use: Use = Use.VIEW) -> str:
    """The text when an offer was taken."""
    at = text.index("¦")
    text = text.replace("¦", "")
    found = offers(text, at, use, NAMES, HELD)
    return text[: found.start] + found.offers[choice].insert + text[found.end :]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("fol", ["followers:"]),
        ("FOL", ["followers:"]),
        ("refund ", ["AND ", "OR ", "NOT ", "NEAR/5 ", "NEAR/5f "]),
        ("refund a", ["AND ", "about:", "account:", "age:", "assignee:"]),
        ("refund NEAR/12", ["NEAR/12 ", "NEAR/12f "]),
        ('"lost parcel"', ["~3"]),
        ("(refund) O", ["OR "]),
        ("-fol", ["followers:"]),
        ("(fol", ["followers:"]),
        ("a OR (b AND fol", ["followers:"]),
        ("kind:r", ["reply", "repost", "review"]),
        ("-kind:rev", ["review"]),
        ("kind:(reply ", ["OR "]),
        ("kind:(reply O", ["OR "]),
        ("kind:(reply OR q", ["quote"]),
        ("kind:(reply, q", ["quote"]),
        ("kind:(reply OR q¦ OR dm)", ["quote"]),
        ("kind:reply ", ["AND ", "OR ", "NOT ", "NEAR/5 ", "NEAR/5f "]),
        ("priority:", ["urgent", "high", "normal", "low", ">=normal", ">=high"]),
        ("priority:>", [">=normal", ">=high"]),
        ("assignee:", ["me", "nobody", "list:giveaway", "list:vip"]),
        ("assignee:n", ["nobody"]),
        ("tag:bill", ["billing"]),
        ("tag:words", ['"two words"']),
        ("tag:od", ['"-odd"']),
        ("team:", ["care", "list:giveaway", "list:vip"]),
        ("author:x", ['"x*y"', "mira.example"]),
        ("author:li", ["list:giveaway", "list:vip"]),
        ("author:list:v", ["list:vip", "list:giveaway"]),
        ("list:", ["giveaway", "vip"]),
        ("-list:v", ["vip", "giveaway"]),
        ("query:", ["outage"]),
        ("followers:", [">=", "<=", ">", "<", "[1 TO 5]"]),
        ("followers:>10", [">10k", ">10m"]),
        ("need:>0", []),
        ("tone:", ["negative", "neutral", "not_scored", "positive", ">=", "<="]),
        ("age:<2", ["<2m", "<2h", "<2d", "<2w", "<2s"]),
        ("time:y", ["yesterday"]),
        ("time:[", ["today", "yesterday", "now-24h", "*"]),
        ("time:[today ", ["TO "]),
        ("time:[today TO now ", ["UTC]", "Europe/London]", "Europe/Berlin]"]),
        ("hour:[09:00 TO 17:30 ber", ["Europe/Berlin]"]),
        ("age:[1", ["1m", "1h", "1d", "1w", "1s"]),
        ("<<< why >>> fol", ["followers:"]),
        ("refund <<< why >>> ", ["AND ", "OR "]),
    ],
)
def test_what_may_stand_there(text: str, first: list[str]) -> None:
    found = inserts(text)
    assert found[: len(first)] == first
    if not first:
        assert found == []


@pytest.mark.parametrize(
    "text",
    [
        '"refund fol', "“refund fol", "/fol", "/a b/c fol", "<<< fol", "raw:fol", 'raw:"fol', "{fol", 'author:"mi', "refund <<<x>>>", "(a)",
        "nosuch:x", "nosuch:", "kind:zzz", "list:zzz",
    ],
)  # fmt: skip
def test_nothing_is_offered_there(text: str) -> None:
    assert inserts(text) == []


def test_only_fields_and_values_of_the_use_are_offered() -> None:
    for use in Use:
        fields = {one for one in inserts("", use) if one not in {"list:", "query:", "raw:"}}
        assert fields == {f"{fact.name}:" for fact in fields_for(use)}
    assert "status:" not in inserts("", Use.TOPIC)
    assert inserts("status:", Use.TOPIC) == []
    assert "unread" in inserts("is:", Use.VIEW)
    assert "unread" not in inserts("is:", Use.RULE)
    assert "query:" not in [one.insert for one in offers("", 0, Use.VIEW).offers], "no names: none to write"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a OR fol¦", "a OR followers:"),
        ("fol¦lo OR b", "followers: OR b"),
        ("fol¦lo:>10", "followers:>10"),
        ("kind:re¦view OR b", "kind:reply OR b"),
        ("kind:(qu¦o,dm)", "kind:(quote,dm)"),
        ("kind:¦ b", "kind:comment b"),
        ("tag:wo¦", 'tag:"two words"'),
        ("list:gi¦v", "list:giveaway"),
        ("author:list:v¦", "author:list:vip"),
        ("refund ¦", "refund AND "),
        ("¦word", "about:word"),
        ("time:[tod¦", "time:[today"),
    ],
)
def test_taking_an_offer_puts_it_where_the_word_was(text: str, after: str) -> None:
    assert taken(text) == after


def test_what_is_there_already_is_not_offered_and_offers_are_few() -> None:
    assert inserts("kind:review") == []
    many = {"tag": [f"t{i}" for i in range(10_000)]}
    assert len(offers("tag:t", 5, Use.VIEW, NAMES, many).offers) == MOST


@pytest.mark.parametrize(
    ("text", "title", "part"),
    [
        ("a A¦ND b", "AND", "Both sides"),
        ("a O¦R b", "OR", "loosest"),
        ("a NEAR/¦5 b", "NEAR/5", "at most 5 other words between"),
        ("a NEAR/¦1f b", "NEAR/1f", "the left one first, with at most 1 other word between"),
        ("a NEAR/0¦ b", "NEAR/0", "nothing between"),
        ("a NE¦AR b", "NEAR", "needs a number"),
        ('"a¦ b"~4', '"a b"~4', "any order, with at most 4 other words among them"),
        ('"a¦ b"', '"a b"', "in a row"),
        ("deli¦ver*", "deliver*", "any number of letters"),
        ("w?r¦d", "w?rd", "exactly one"),
        ("re¦fund", "refund", "without an accent"),
        ("{B¦T}", "{BT}", "capitals and accents count"),
        ("/a¦ b/", "/a b/", "regular expression"),
        ('raw:"G¦oogle+"', 'raw:"Google+"', "Exactly these characters"),
        ("#t¦ag", "#tag", "hashtag"),
        ("@m¦ira", "@mira", "handle"),
        ("$C¦ASH", "$CASH", "cashtag"),
        ("¦-a", "-", "must not be there"),
        ("fol¦lowers:>=10k", "followers:", "How many follow the author. For example followers:>=10k"),
        ("followers:>¦=10k", "followers:>=10k", "10k or more"),
        ("followers:[1 ¦TO 5]", "followers:[1 TO 5]", "from 1 to 5, both counted in"),
        ("age:<¦2h", "age:<2h", "less than 2h ago"),
        ("is:quest¦ion", "is:question", "question mark"),
        ("kind:(dm OR r¦eview)", "kind:review", "it is a review"),
        ("assignee:m¦e", "assignee:me", "whoever asks"),
        ("list:v¦ip", "list:vip", "Any of 2: @mira, jo"),
        ("author:list:v¦ip", "list:vip", "Any of 2: @mira, jo"),
        ("list:vi¦b", "list:vib", "did you mean vip?"),
        ("tone:neg¦ative", "tone:negative", "It sounds negative."),
        ("priority:ur¦gent", "priority:urgent", "It cannot wait."),
        ("query:out¦age", "query:outage", "down OR broken"),
        ("folowers¦:5", "folowers:", "There is no such field; did you mean followers?"),
        ("zz¦zz:5", "zzzz:", "There is no such field; in quotes it is a word to find."),
        ("<<< w¦hy >>>", "<<< why >>>", "comment"),
    ],
)
def test_what_the_thing_under_the_cursor_means(text: str, title: str, part: str) -> None:
    told = hover(text.replace("¦", ""), text.index("¦"), Use.VIEW, NAMES)
    assert told is not None
    assert told.title == title
    assert part.casefold() in told.body.casefold()


def test_a_field_of_another_use_is_told() -> None:
    told = hover("status:open", 2, Use.TOPIC)
    assert told is not None
    assert "Only a view can ask for it" in told.body
    assert hover("a  b", 2, Use.VIEW) is None, "between the words stands nothing"


def test_every_value_of_a_closed_list_is_explained_and_every_field_has_offers() -> None:
    for fact in FIELDS.values():
        for use in fact.uses:
            found = offers(f"{fact.name}:", len(fact.name) + 1, use).offers
            assert all(one.about for one in found)
            assert bool(found) == (
                fact.sort not in {Sort.ID, Sort.ADDRESS, Sort.DOMAIN, Sort.NAME} or fact.name == "assignee"
            )
            for value in fact.values_for(use):
                told = hover(f"{fact.name}:{value}", len(fact.name) + 1, use)
                assert told is not None
                assert len(told.body) > 8
                assert told.body.count(".") == 1, "one plain sentence"
                assert not told.body.startswith("It is a ") or value in FIELDS["kind"].values
                assert fact.about.casefold() not in told.body.casefold(), "of the value, not of its field"
                assert told.body.casefold() in {f"{one.about.casefold()}." for one in found}


PARTS = st.sampled_from(
    ["a", " ", "kind:", "(", ")", '"', "“", "{", "}", "/", "\\", "[", "]", "<<<", ">>>", "-", "~3", "NEAR/", "AND", "OR", "list:", "query:",
     "raw:", "#", "@", "$", "*", "?", ">", "<=", ",", "TO", "5", "time:", "followers:", "tag:", "\n", "宽", "e\u0301", "\ud800", "\x00", ":"]
)  # fmt: skip
BROKEN = st.one_of(st.lists(PARTS, max_size=14).map("".join), st.text(max_size=30))


@given(BROKEN, st.integers(-3, 70), st.sampled_from(Use))
def test_no_text_is_too_broken(text: str, offset: int, use: Use) -> None:
    found = offers(text, offset, use, NAMES, HELD)
    assert 0 <= found.start <= found.end <= len(text)
    assert found.start <= min(max(offset, 0), len(text)) or not found.offers
    told = hover(text, offset, use, NAMES)
    if told is not None:
        assert 0 <= told.start <= offset <= told.end <= len(text)
        assert told.title
        assert told.body


@given(BROKEN)
def test_pieces_are_in_order_and_leave_nothing_out(text: str) -> None:
    at = 0
    for one in glance(text).pieces:
        assert at <= one.start <= one.end
        assert not text[at : one.start].strip()
        assert one.start < one.end or one.mark is Mark.VALUE
        at = one.end
    assert not text[at:].strip()


def test_a_long_paste_is_looked_over_in_no_time() -> None:
    for text in (
        "refund OR " * 1000,
        "/" * 10_000,
        '"' * 9_999,
        "(" * 10_000,
        "a:" * 5_000,
        "<<<" * 3_000,
        "kind:(" + "x OR " * 2_000,
    ):
        offers(text, len(text), Use.VIEW, NAMES, HELD)
        hover(text, len(text) // 2, Use.VIEW, NAMES)
