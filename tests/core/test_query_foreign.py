"""Conversions never find less than the query, say so where they find more or may miss, and are lawful on the other side."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from urllib.parse import unquote

import pytest
import regex
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from listener.model.kinds import Kind
from listener.query import match
from listener.query.fields import Use
from listener.query.foreign import Converted, Effect, from_brandwatch, to_bluesky, to_mastodon, to_x
from listener.query.parse import parse
from listener.query.subject import Subject
from listener.query.tree import (
    And,
    Exact,
    Field,
    Moment,
    Named,
    Near,
    Node,
    Not,
    Or,
    Period,
    Phrase,
    Range,
    Raw,
    Regex,
    Sign,
    Text,
    Wild,
    Word,
)

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


# Trees by hand --------------------------------------------------------------------------------------------------------


def w(key: str) -> Word:
    return Word(key)


def every(*parts: Node) -> And:
    return And(parts)


def one_of(*parts: Node) -> Or:
    return Or(parts)


def phrase(text: str, slop: int | None = None) -> Phrase:
    return Phrase(tuple(Wild(part) if "*" in part else Word(part) for part in text.split()), slop)


def fact(name: str, *values: str) -> Field:
    return Field(name, tuple(Text(value, value.lower(), wild="*" in value) for value in values))


def losses(found: Converted) -> dict[str, Effect]:
    return {loss.code: loss.effect for loss in found.losses}


# What the networks say of themselves, as small as can be -----------------------------------------------------------------


@dataclass(frozen=True)
class Post:
    """A post as a network sees it."""

    subject: Subject

    @property
    def text(self) -> str:
        return self.subject.text

    @property
    def tags(self) -> set[str]:
        return {tag.lower() for tag in re.findall(r"#(\w+)", self.text)}

    @property
    def names(self) -> set[str]:
        return {name.lower() for name in re.findall(r"(?<!\w)@(\w+)", self.text)}


EMOJI = "😡"


def _in_a_row(wanted: list[str], tokens: list[str]) -> bool:
    return any(tokens[at : at + len(wanted)] == wanted for at in range(len(tokens) - len(wanted) + 1))


@dataclass(frozen=True)
class Part:
    """A part of a rule: an operator, or several with AND or OR between them."""

    text: str = ""
    any_of: tuple[Part, ...] = ()
    all_of: tuple[Part, ...] = ()

    @property
    def brings(self) -> bool:
        return not self.text.startswith("-")

    @property
    def stands_alone(self) -> bool:
        if self.text:
            return self.brings and not re.match(r"(is|has|lang|followers_count|url_contains):", self.text)
        return any(part.stands_alone for part in self.all_of) or (
            bool(self.any_of) and all(part.stands_alone for part in self.any_of)
        )


class XRule:
    """A rule of X's filtered stream, read by the published grammar; unlawful rules are refused."""

    TOKENS = regex.compile(rf"[\p{{L}}\p{{M}}\p{{N}}]+|{EMOJI}")

    def __init__(self, text: str) -> None:
        self.pieces = re.findall(r'\(|\)|-?(?:[a-z_]+:)?"[^"]*"(?:~\d+)?|[^\s()]+', text)
        self.at = 0
        self.tree = self._either()
        assert self.at == len(self.pieces), text
        assert self.tree.stands_alone, text

    def _either(self) -> Part:
        sides = [self._all()]
        while self.at < len(self.pieces) and self.pieces[self.at] == "OR":
            self.at += 1
            sides.append(self._all())
        if len(sides) > 1:
            assert all(any(part.brings for part in side.all_of) for side in sides), "a negation alone in a choice"
        return Part(any_of=tuple(sides))

    def _all(self) -> Part:
        parts = []
        while self.at < len(self.pieces) and self.pieces[self.at] not in {"OR", ")"}:
            piece = self.pieces[self.at]
            self.at += 1
            if piece == "(":
                parts.append(self._either())
                assert self.pieces[self.at] == ")"
                self.at += 1
            else:
                assert piece != "-", "a negated bracket"
                parts.append(Part(piece))
        assert parts
        return Part(all_of=tuple(parts))

    def takes(self, post: Post) -> bool:
        return self._takes(self.tree, post)

    def _takes(self, part: Part, post: Post) -> bool:
        if part.text:
            return self._operator(part.text.removeprefix("-"), post) is part.brings
        if part.any_of:
            return any(self._takes(one, post) for one in part.any_of)
        return all(self._takes(one, post) for one in part.all_of)

    def _operator(self, text: str, post: Post) -> bool:
        tokens = [token.lower() for token in self.TOKENS.findall(post.text)]
        subject = post.subject
        if found := re.fullmatch(r'"(\S+) (\S+)"~(\d)', text):
            return self._near(found[1], found[2], int(found[3]), tokens)
        if text.startswith('"'):
            return _in_a_row(text.strip('"').split(), tokens)
        if text[0] == "#":
            return text[1:] in post.tags
        if text[0] == "@":
            return text[1:] in post.names
        name, colon, value = text.partition(":")
        if not colon:
            return text in tokens
        match name:
            case "from":
                return subject.author_handle == value
            case "lang":
                return (subject.lang or "und") == value
            case "is":
                return {
                    "retweet": subject.kind is Kind.REPOST,
                    # "matches on replies to an original Post, replies in quoted Posts, and replies in Retweets"
                    "reply": subject.kind is Kind.REPLY or (subject.kind is not Kind.POST and subject.media > 0),
                    "quote": subject.kind is Kind.QUOTE,
                    "verified": bool(subject.verified),
                }[value]
            case "has":
                return {
                    "links": bool(subject.links) or subject.media > 0,
                    "media": subject.media > 0,
                    "hashtags": bool(post.tags),
                    "mentions": bool(post.names),
                }[value]
            case "url" | "url_contains":
                return any(value.strip('"') in link for link in subject.links)
            case "followers_count":
                low, _, high = value.partition("..")
                held = subject.followers or 0
                return int(low) <= held and (not high or held <= int(high))
        raise AssertionError(text)

    def _near(self, one: str, other: str, reach: int, tokens: list[str]) -> bool:
        assert reach <= 6
        places = [
            (left, right) for left, a in enumerate(tokens) for right, b in enumerate(tokens) if (a, b) == (one, other)
        ]
        return any(0 < right - left <= reach or 0 < left - right <= reach - 2 for left, right in places)


_WORD = regex.compile(rf"\w+(?:[.'’]\w+)*|{EMOJI}")


def mastodon_takes(text: str, post: Post) -> bool:
    """A timeline or a search of Mastodon."""
    if text.startswith("timelines/tag/"):
        first, _, more = text.removeprefix("timelines/tag/").partition("?")
        asked: dict[str, list[str]] = {"any": [], "all": [], "none": []}
        for part in more.split("&") if more else []:
            name, _, value = part.partition("[]=")
            asked[name].append(unquote(value))
        assert all(len(values) <= 4 for values in asked.values())
        tags = post.tags
        return (
            bool({unquote(first), *asked["any"]} & tags) and set(asked["all"]) <= tags and not set(asked["none"]) & tags
        )
    return all(_mastodon_clause(clause, post) for clause in re.findall(r'-?"[^"]*"|\S+', text))


def _mastodon_clause(clause: str, post: Post) -> bool:
    if clause.startswith("-"):
        return not _mastodon_clause(clause[1:], post)
    tokens = [token.lower() for token in _WORD.findall(post.text)]
    subject = post.subject
    if clause.startswith('"'):
        return _in_a_row(clause.strip('"').split(), tokens)
    if clause.startswith("#"):
        return clause[1:] in post.tags
    name, colon, value = clause.partition(":")
    if colon:
        assert subject.at is not None
        match name:
            case "from":
                return f"@{subject.author_handle}" == value
            case "is":
                return {"reply": subject.kind is Kind.REPLY}[value]
            case "has":
                return {"media": subject.media > 0}[value]
            case "language":
                return subject.lang == value
            case "before":
                return all(subject.at.astimezone(UTC) + timedelta(hours=zone) < _day(value) for zone in (-12, 14))
            case "after":
                return all(
                    subject.at.astimezone(UTC) + timedelta(hours=zone) >= _day(value) + timedelta(days=1)
                    for zone in (-12, 14)
                )
        raise AssertionError(clause)
    return any(_stem(token) == _stem(clause) for token in tokens)


def _stem(word: str) -> str:
    return re.sub(r"(ies|s|ed|ing|y)$", "", word)


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def bluesky_takes(text: str, post: Post) -> bool:
    """A search on Bluesky; of what may stand there once the last counts."""
    clauses = re.findall(r'"[^"]*"|\S+', text)
    assert not any(clause.startswith("-") or clause == "OR" for clause in clauses)
    heads = [clause.partition(":")[0] for clause in clauses if ":" in clause]
    assert len(heads) == len(set(heads))
    return all(_bluesky_clause(clause, post) for clause in clauses)


def _bluesky_clause(clause: str, post: Post) -> bool:
    tokens = [token.lower() for token in _WORD.findall(post.text)]
    subject = post.subject
    if clause.startswith('"'):
        return _in_a_row(clause.strip('"').split(), tokens)
    if clause.startswith("#"):
        return clause[1:] in post.tags
    name, colon, value = clause.partition(":")
    if not colon:
        return clause in tokens
    assert subject.at is not None
    match name:
        case "from":
            return subject.author_handle == value
        case "lang":
            return subject.lang == value
        case "domain":
            return any(f"//{value}/" in link for link in subject.links)
        case "since":
            return subject.at >= datetime.fromisoformat(value)
        case "until":
            return subject.at < datetime.fromisoformat(value)
    raise AssertionError(clause)


# The law: what our matcher takes, the other side brings -------------------------------------------------------------------

VOCABULARY = ["late", "order", "parcel", "delivery", "refund", "acme", "bt"]
TAGS = ["acme", "late", "refund"]
KEY = st.sampled_from(VOCABULARY)
WHEN = st.integers(0, 96).map(lambda hours: NOW - timedelta(hours=hours, minutes=17))

SAID = [
    *VOCABULARY,
    *(word.upper() for word in VOCABULARY),
    *("late,", "delivery!", "e-mail", "late-order", "refund.", EMOJI, "deliveries", "refunds", "why?"),
    *(f"{sign}{tag}" for tag in TAGS for sign in "#@"),
]

term = st.one_of(KEY.map(Word), st.just(Wild("deliver*")), st.just(Exact("BT")))
moments = WHEN.map(lambda at: Moment(at=at)) | st.integers(1, 72).map(lambda hours: Moment(seconds=-3600.0 * hours))
fields_ = st.one_of(
    st.lists(st.sampled_from(["en", "de"]), min_size=1, max_size=2).map(lambda codes: fact("lang", *codes)),
    st.sampled_from([*Kind]).map(lambda kind: fact("kind", kind.value)),
    st.sampled_from(["question", "reply", "only-handles", "verified", "ours"]).map(lambda value: fact("is", value)),
    st.sampled_from(["yes", "no"]).map(lambda value: fact("verified", value)),
    st.sampled_from(["link", "media", "tag", "emoji"]).map(lambda value: fact("has", value)),
    st.sampled_from(["mira", "mira@social.example", "mira.example", "m*"]).map(lambda value: fact("author", value)),
    st.just(fact("author", "mira", "mira.example")),
    st.sampled_from(["bluesky", "mastodon", "x"]).map(lambda value: fact("source", value)),
    st.sampled_from(["shop.example", "shop.example/returns"]).map(lambda value: fact("link", value)),
    st.just(fact("domain", "shop.example")),
    st.just(fact("tag", "billing")),
    st.tuples(st.integers(0, 9), st.integers(0, 9)).map(
        lambda ends: Field("followers", (Range(min(ends), max(ends)), Range(float(ends[0]), None, low_in=False)))
    ),
    st.just(Field("rating", (Range(1, 2),))),
    moments.map(lambda low: Field("time", (Period(low, None),))),
    moments.map(lambda high: Field("time", (Period(None, high),))),
    st.tuples(moments, moments).map(lambda ends: Field("time", (Period(*ends),))),
    st.integers(1, 72).map(lambda hours: Field("age", (Range(None, hours * 3600.0, high_in=False),))),
    st.integers(1, 72).map(lambda hours: Field("age", (Range(hours * 3600.0, None, low_in=False),))),
)
placed = st.one_of(
    term,
    st.lists(term, min_size=2, max_size=3).map(lambda parts: Phrase(tuple(parts))),
    st.tuples(st.lists(term, min_size=2, max_size=3), st.integers(0, 4)).map(
        lambda both: Phrase(tuple(both[0]), both[1])
    ),
    st.sampled_from(TAGS).map(lambda tag: Sign(f"#{tag}")),
    st.sampled_from(TAGS).map(lambda tag: Sign(f"@{tag}")),
    st.just(Word(EMOJI)),
    st.lists(KEY.map(Word), min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
)
leaves = st.one_of(
    placed,
    placed,
    fields_,
    st.tuples(placed, placed, st.integers(0, 5), st.booleans()).map(lambda four: Near(*four)),
    st.just(Raw("E-mail")),
    st.just(Regex("parcel.?late")),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
        inner.map(lambda part: Named("query:inner", part)),
    ),
    max_leaves=10,
)


def some_posts(source: str, handles: list[str], kinds: list[Kind]) -> list[Post]:
    """Short posts, all of them late: so that what stands beside it decides."""
    luck = Random(source)
    return [
        Post(
            Subject(
                text=" ".join([*luck.sample(SAID, luck.randint(0, 4)), "late", *luck.sample(SAID, luck.randint(0, 3))]),
                source=source,
                kind=luck.choice(kinds),
                author_handle=luck.choice(handles),
                followers=float(luck.randint(0, 9)),
                verified=luck.random() < 0.5,
                links=luck.choice([(), ("https://shop.example/returns/1",), ("https://other.example/",)]),
                media=luck.randint(0, 1),
                at=NOW - timedelta(minutes=luck.randint(0, 6000)),
                lang=luck.choice(["en", "de", None]),
            )
        )
        for _ in range(400)
    ]


NETWORKS: dict[str, tuple[Callable[..., Converted], Callable[[str], Callable[[Post], bool]], list[Post]]] = {
    "x": (
        lambda tree, strict: to_x(tree, strict=strict),
        lambda text: XRule(text).takes,
        some_posts("x", ["mira", "other"], [Kind.POST, Kind.REPLY, Kind.QUOTE, Kind.REPOST]),
    ),
    "mastodon": (
        lambda tree, strict: to_mastodon(tree, now=NOW, strict=strict),
        lambda text: lambda post: mastodon_takes(text, post),
        some_posts("mastodon", ["mira@social.example", "other@social.example"], [Kind.POST, Kind.REPLY, Kind.QUOTE]),
    ),
    "bluesky": (
        lambda tree, strict: to_bluesky(tree, now=NOW, strict=strict),
        lambda text: lambda post: bluesky_takes(text, post),
        some_posts("bluesky", ["mira.example", "other.example"], [Kind.POST, Kind.REPLY, Kind.QUOTE]),
    ),
}


PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

simple = st.one_of(
    KEY.map(Word),
    st.sampled_from(TAGS).map(lambda tag: Sign(f"#{tag}")),
    st.tuples(KEY.map(Word), KEY.map(Word)).map(Phrase),
    st.just(fact("lang", "en", "de")),
    st.just(fact("kind", "reply")),
)
small = st.one_of(
    st.tuples(simple, simple).map(lambda two: every(w("late"), Not(every(*two)))),
    st.tuples(simple, simple).map(lambda two: every(w("late"), Not(one_of(*two)))),
    st.tuples(simple, simple).map(lambda two: every(*two)),
    simple.map(lambda leaf: every(w("late"), Not(leaf))),
    leaves.map(lambda leaf: every(w("late"), leaf)),
    leaves.map(lambda leaf: every(w("late"), Not(leaf))),
    st.tuples(leaves, leaves).map(lambda two: every(w("late"), Not(every(*two)))),
    st.tuples(leaves, leaves).map(lambda two: every(w("late"), Not(one_of(*two)))),
    st.tuples(leaves, leaves).map(lambda two: every(w("late"), one_of(*two))),
)


@pytest.mark.parametrize("network", sorted(NETWORKS))
@given(st.data())
@settings(PATIENT, max_examples=150)
def test_what_the_query_takes_the_network_brings(network: str, data: st.DataObject) -> None:
    convert, reads, posts = NETWORKS[network]
    tree = data.draw(small | small | trees)
    found = convert(tree, data.draw(st.booleans()))
    test = match.test_of(tree)
    wanted = [post for post in posts if test(post.subject, NOW)]
    assert not wanted or "never" not in losses(found)
    brings = [reads(text) for text in found.texts]
    for post in wanted if brings else ():
        assert any(takes(post) for takes in brings), (found.texts, post.subject)
    if not found.texts:
        assert Effect.NOTHING in losses(found).values()


@given(small | trees, st.integers(24, 80), st.integers(1, 4))
@settings(PATIENT, max_examples=200)
def test_rules_that_hardly_fit_find_no_less(tree: Node, limit: int, most: int) -> None:
    found = to_x(tree, limit=limit, most=most)
    assert len(found.texts) <= most
    assert all(len(text) <= limit for text in found.texts)
    rules = [XRule(text) for text in found.texts]
    test = match.test_of(tree)
    for post in NETWORKS["x"][2][:200]:
        if rules and test(post.subject, NOW):
            assert any(rule.takes(post) for rule in rules), (found.texts, post.subject)


# Each thing by itself ----------------------------------------------------------------------------------------------------

LESS, MORE, NOTHING = Effect.LESS, Effect.MORE, Effect.NOTHING
SPELLED = {"spelling": LESS}
LATE = w("late")
LISTED = Named("list:slow", one_of(w("slow"), Wild("deliver*")), start=5, end=14)


@pytest.mark.parametrize(
    ("tree", "texts", "lost"),
    [
        (LATE, ["late"], SPELLED),
        (w("café"), ["café"], SPELLED),
        (w("don't"), ['"don t"'], SPELLED),
        (w("or"), ['"or"'], SPELLED),
        (w("👍"), ['"👍"'], SPELLED),
        (Phrase((w("寿"), w("司"))), ["寿司"], SPELLED | {"unspaced": LESS}),
        (every(LATE, Not(Phrase((w("寿"), w("司"))))), ["late"], SPELLED | {"unspaced": MORE}),
        (phrase("late order"), ['"late order"'], SPELLED),
        (every(LATE, one_of(w("a"), w("b")), Not(w("c"))), ["late (a OR b) -c"], SPELLED | {"negated": LESS}),
        (one_of(every(LATE, w("a")), w("b")), ["(late a) OR b"], SPELLED),
        # Negation is pushed down to operators, and never stands in a choice.
        (every(LATE, Not(one_of(w("a"), w("b")))), ["late -a -b"], SPELLED | {"negated": LESS}),
        (every(LATE, Not(every(w("a"), w("b")))), ["late"], SPELLED | {"negated": LESS, "negation": MORE}),
        (Not(LATE), [], {"negated": LESS, "broad": NOTHING}),
        (one_of(LATE, Not(w("a"))), [], SPELLED | {"negated": LESS, "negation": MORE, "broad": NOTHING}),
        # What cannot be asked.
        (Wild("deliver*"), [], {"wildcard": MORE, "broad": NOTHING}),
        (every(LATE, Wild("deliver*")), ["late"], SPELLED | {"wildcard": MORE}),
        (every(LATE, Not(Wild("deliver*"))), ["late"], SPELLED | {"wildcard": MORE}),
        (every(LATE, one_of(w("a"), Wild("b*"))), ["late"], SPELLED | {"wildcard": MORE, "choice": MORE}),
        (phrase("a deliver* late order"), ['a "late order"'], {"wildcard": MORE}),
        (every(LATE, Not(phrase("a b*"))), ["late"], SPELLED | {"wildcard": MORE}),
        (Exact("BT"), ["bt"], SPELLED | {"case": MORE}),
        (every(LATE, Not(Exact("BT"))), ["late"], SPELLED | {"case": MORE}),
        (Raw("Google+"), ["google"], {"raw": MORE}),
        (every(LATE, Not(Raw("Google+"))), ["late"], SPELLED | {"raw": MORE}),
        (every(LATE, Raw("++")), ["late"], SPELLED | {"raw": MORE}),
        (every(LATE, Regex("x+")), ["late"], SPELLED | {"regex": MORE}),
        # Signs.
        (Sign("#late"), ["#late"], SPELLED),
        (Sign("#2026"), ["2026"], SPELLED | {"sign": MORE}),
        (every(LATE, Not(Sign("#2026"))), ["late"], SPELLED | {"sign": MORE}),
        (Sign("@acme"), ["@acme"], {}),
        (Sign("@acme.example"), ["@acme"], {"handle": MORE}),
        (Sign("$acme"), ["$acme"], {}),
        (every(LATE, Not(Sign("@acme"))), ["late -@acme"], SPELLED | {"negated": LESS}),
        # Close together: at most six, two words, and three more than we say for either order.
        (phrase("late order", 2), ['"late order"~5'], SPELLED | {"proximity": LESS}),
        (phrase("late order", 4), ["late order"], SPELLED | {"proximity": MORE}),
        (phrase("late order now", 2), ["late order now"], SPELLED | {"proximity": MORE}),
        (Near(LATE, w("order"), 5, ordered=True), ['"late order"~6'], SPELLED | {"proximity": LESS}),
        (Near(LATE, one_of(w("a"), w("b")), 3), ['"late a"~6 OR "late b"~6'], SPELLED | {"proximity": LESS}),
        (Near(LATE, phrase("a b"), 3), ['late "a b"'], SPELLED | {"proximity": MORE}),
        (every(LATE, Not(Near(w("a"), w("b"), 3))), ["late"], SPELLED | {"proximity": MORE}),
        (every(LATE, Not(phrase("a b", 3))), ["late"], SPELLED | {"proximity": MORE}),
        # Fields.
        (fact("author", "@Mira_ex"), ["from:mira_ex"], {}),
        (fact("author", "mira.example"), [], {"never": NOTHING}),
        (every(LATE, fact("author", "mi*")), ["late"], SPELLED | {"wildcard": MORE}),
        (every(LATE, fact("author", "mira", "mi*")), ["late"], SPELLED | {"wildcard": MORE, "choice": MORE}),
        (every(LATE, Not(fact("author", "a", "b"))), ["late -from:a -from:b"], SPELLED),
        (every(LATE, fact("lang", "en", "he")), ["late (lang:en OR lang:iw)"], SPELLED | {"language": LESS}),
        (every(LATE, fact("lang", "tlh")), ["late"], SPELLED | {"no-field": MORE}),
        (every(LATE, fact("kind", "repost")), ["late is:retweet"], SPELLED),
        (every(LATE, Not(fact("kind", "repost"))), ["late -is:retweet"], SPELLED),
        (every(LATE, fact("kind", "post")), ["late -is:retweet -is:reply -is:quote"], SPELLED | {"kind": LESS}),
        (every(LATE, Not(fact("kind", "post"))), ["late (is:retweet OR is:reply OR is:quote)"], SPELLED),
        (every(LATE, Not(fact("is", "reply"))), ["late"], SPELLED | {"kind": MORE}),
        (fact("kind", "review"), [], {"never": NOTHING}),
        (every(LATE, Not(fact("kind", "review"))), ["late"], SPELLED),
        (every(LATE, fact("is", "verified")), ["late is:verified"], SPELLED),
        (every(LATE, fact("verified", "no")), ["late -is:verified"], SPELLED),
        (every(LATE, fact("is", "ours")), ["late"], SPELLED | {"only-here": MORE}),
        (every(LATE, fact("is", "question")), ["late"], SPELLED | {"no-field": MORE}),
        (every(LATE, fact("is", "only-handles")), ["late has:mentions"], SPELLED),
        (every(LATE, fact("has", "link")), ["late has:links"], SPELLED),
        (every(LATE, Not(fact("has", "link"))), ["late"], SPELLED | {"link": MORE}),
        (every(LATE, fact("has", "media")), ["late has:media"], SPELLED),
        (every(LATE, Not(fact("has", "tag"))), ["late -has:hashtags"], SPELLED),
        (every(LATE, fact("link", "shop.example/a")), ['late url_contains:"shop.example/a"'], SPELLED),
        (every(LATE, fact("link", 'a"b')), ["late"], SPELLED | {"no-field": MORE}),
        (fact("domain", "shop.example"), ['url:"shop.example"'], {}),
        (fact("parent", "123"), ["in_reply_to_tweet_id:123"], {}),
        (fact("root", "123"), ["conversation_id:123"], {}),
        (every(LATE, Not(fact("root", "123"))), ["late"], SPELLED | {"no-field": MORE}),
        (every(LATE, Field("followers", (Range(1000.5, None),))), ["late followers_count:1000"], SPELLED),
        (every(LATE, Field("followers", (Range(None, 10.5),))), ["late followers_count:0..11"], SPELLED),
        (every(LATE, Field("age", (Range(None, 60.0),))), ["late"], SPELLED | {"time": MORE}),
        (every(LATE, fact("tag", "billing")), ["late"], SPELLED | {"only-here": MORE}),
        (every(LATE, fact("source", "x")), ["late"], SPELLED),
        (every(LATE, fact("source", "bluesky")), [], SPELLED | {"never": NOTHING}),
        (every(LATE, Not(fact("source", "blue*"))), ["late"], SPELLED),
        (every(LATE, Field("rating", (Range(1, 2),))), [], SPELLED | {"never": NOTHING}),
        (every(LATE, LISTED), ["late"], SPELLED | {"wildcard": MORE, "choice": MORE}),
    ],
)
def test_x(tree: Node, texts: list[str], lost: dict[str, Effect]) -> None:
    found = to_x(tree)
    assert (list(found.texts), losses(found)) == (texts, lost)
    for text in found.texts:
        XRule(text)


def test_a_loss_inside_a_named_part_stands_at_its_name() -> None:
    found = to_x(every(LATE, LISTED))
    assert {(loss.start, loss.end) for loss in found.losses if loss.code == "wildcard"} == {(5, 14)}


def test_strict_asks_nothing_that_x_answers_by_its_own_lights() -> None:
    tree = every(LATE, fact("lang", "en"), Not(w("a")), phrase("b c", 1), fact("kind", "post"))
    found = to_x(tree, strict=True)
    assert found.texts == ("late b c",)
    assert losses(found) == SPELLED | {"language": MORE, "negated": MORE, "proximity": MORE, "kind": MORE}


@pytest.mark.parametrize("limit", [60, 200, 1024])
def test_a_long_choice_becomes_several_rules(limit: int) -> None:
    names = [f"brand{number}" for number in range(200)]
    found = to_x(every(one_of(*map(w, names)), one_of(LATE, w("slow")), Not(w("job"))), limit=limit)
    assert max(map(len, found.texts)) <= limit
    assert "length" not in losses(found)
    for name in names[:: 20 if limit > 60 else 60]:
        post = Post(Subject(text=f"{name} slow"))
        assert any(XRule(text).takes(post) for text in found.texts)


def test_what_does_not_fit_into_the_rules_is_left_out() -> None:
    words_ = [w(f"word{number}") for number in range(40)]
    found = to_x(every(*words_, Not(w("job"))), limit=100)
    assert len(found.texts) == 1
    assert len(found.texts[0]) <= 100
    assert "-job" not in found.texts[0]
    assert losses(found)["length"] is MORE
    crossed = to_x(
        every(*(one_of(*(w(f"{side}{number}") for number in range(30))) for side in "abcdef")), limit=64, most=50
    )
    assert 0 < len(crossed.texts) <= 50
    assert losses(crossed)["length"] is MORE
    assert losses(to_x(one_of(*(w(f"word{number}") for number in range(400))), limit=64, most=9))["length"] is NOTHING
    assert to_x(w("a" * 100), limit=64).texts == ()


SEARCHED = SPELLED | {"search": LESS}


@pytest.mark.parametrize(
    ("tree", "texts", "lost"),
    [
        (LATE, ["late"], SEARCHED),
        (phrase("late order"), ['"late order"'], SEARCHED),
        (Phrase((w("寿"), w("司"))), ['"寿司"'], SEARCHED | {"unspaced": LESS}),
        (w("👍"), ["👍"], SEARCHED | {"emoji": LESS}),
        (one_of(LATE, w("slow")), ["late", "slow"], SEARCHED),
        (one_of(LATE, every(LATE, w("a"))), ["late"], SEARCHED),
        (every(one_of(LATE, w("slow")), w("a")), ["late a", "slow a"], SEARCHED),
        # In quotes, so that a stem is not taken for it; with accents not at all.
        (every(Not(w("job")), LATE), ['late -"job"'], SEARCHED | {"negated": LESS}),
        (every(LATE, Not(w("café"))), ["late"], SEARCHED | {"accents": MORE}),
        (every(LATE, Not(Sign("#café"))), ["late"], SEARCHED | {"accents": MORE}),
        (Not(w("job")), [], {"negated": LESS, "broad": NOTHING}),
        # Hashtags have a timeline, and take four more of each sort.
        (Sign("#late"), ["timelines/tag/late"], {}),
        (Sign("#spät"), ["timelines/tag/sp%C3%A4t"], {}),
        (
            one_of(*(Sign(f"#t{n}") for n in range(6))),
            ["timelines/tag/t0?any[]=t1&any[]=t2&any[]=t3&any[]=t4", "timelines/tag/t5"],
            {},
        ),
        (every(Sign("#a"), Sign("#b"), Not(Sign("#c"))), ["timelines/tag/a?all[]=b&none[]=c"], {}),
        (every(Sign("#a"), LATE), ["timelines/tag/a"], SPELLED | {"timeline": MORE}),
        (
            every(Sign("#a"), *(Not(Sign(f"#t{n}")) for n in range(5))),
            ["timelines/tag/a?none[]=t0&none[]=t1&none[]=t2&none[]=t3"],
            {"timeline": MORE},
        ),
        (every(LATE, Not(Sign("#a"))), ["late -#a"], SEARCHED),
        (Sign("@acme@social.example"), ["acme@social.example"], SEARCHED),
        (every(LATE, Not(Sign("@acme"))), ["late"], SEARCHED | {"handle": MORE}),
        (Sign("$acme"), ["acme"], SEARCHED | {"sign": MORE}),
        (fact("author", "@mira@social.example"), ["from:@mira@social.example"], {"search": LESS}),
        (every(LATE, fact("author", "mira")), ["late"], SEARCHED | {"author": MORE}),
        (every(LATE, fact("kind", "reply")), ["late is:reply"], SEARCHED),
        (every(LATE, fact("kind", "post")), ["late -is:reply"], SEARCHED),
        (every(LATE, fact("kind", "quote")), ["late"], SEARCHED | {"no-field": MORE}),
        (fact("kind", "repost"), [], {"never": NOTHING}),
        (every(LATE, Not(fact("has", "media"))), ["late -has:media"], SEARCHED),
        (every(LATE, fact("has", "link")), ["late"], SEARCHED | {"no-field": MORE}),
        (every(LATE, Not(fact("lang", "en", "de"))), ["late -language:en -language:de"], SEARCHED | {"language": LESS}),
        (
            every(LATE, fact("lang", "en", "de")),
            ["late language:en", "late language:de"],
            SEARCHED | {"language": LESS},
        ),
        (every(LATE, Field("age", (Range(None, 7200.0),))), ["late after:2026-11-25"], SEARCHED | {"time": MORE}),
        (every(LATE, Field("age", (Range(7200.0, None),))), ["late"], SEARCHED | {"time": MORE}),
        (
            every(LATE, Field("time", (Period(Moment(at=NOW), Moment(at=NOW + timedelta(days=3))),))),
            ["late after:2026-11-26 before:2026-12-02"],
            SEARCHED | {"time": MORE},
        ),
        (
            every(LATE, Not(Field("time", (Period(Moment(at=NOW), None),)))),
            ["late before:2026-11-29"],
            SEARCHED | {"time": MORE},
        ),
        (every(LATE, Not(Field("time", (Period(Moment(day=0), None),)))), ["late"], SEARCHED | {"time": MORE}),
        (every(LATE, Wild("deliver*")), ["late"], SEARCHED | {"wildcard": MORE}),
        (Near(LATE, w("a"), 3), ["late a"], SEARCHED | {"proximity": MORE}),
    ],
)
def test_mastodon(tree: Node, texts: list[str], lost: dict[str, Effect]) -> None:
    found = to_mastodon(tree, now=NOW)
    assert (list(found.texts), losses(found)) == (texts, lost)


@pytest.mark.parametrize(
    ("tree", "texts", "lost"),
    [
        (LATE, ["late"], SPELLED),
        (phrase("late order"), ['"late order"'], SPELLED),
        (Phrase((w("寿"), w("司"))), ['"寿司"'], SPELLED | {"unspaced": LESS}),
        (w("👍"), ["👍"], SPELLED | {"emoji": LESS}),
        (every(one_of(LATE, w("slow")), w("a")), ["late a", "slow a"], SPELLED),
        (every(LATE, Not(w("a"))), ["late"], SPELLED | {"negation": MORE}),
        (every(LATE, Not(fact("lang", "en"))), ["late"], SPELLED | {"negation": MORE}),
        (every(LATE, Not(Sign("#a"))), ["late"], SPELLED | {"negation": MORE}),
        (Not(LATE), [], {"negation": MORE, "broad": NOTHING}),
        (Sign("#late"), ["#late"], {"hashtag": LESS}),
        (Sign("#späte_post"), ["späte post"], SPELLED | {"sign": MORE}),
        (Sign("$acme"), ["acme"], SPELLED | {"sign": MORE}),
        (Sign("@acme"), ["acme"], SPELLED),
        (Sign("@acme.example"), ["mentions:acme.example"], SPELLED | {"handle": LESS}),
        (fact("author", "mira.example"), ["from:mira.example"], {}),
        (every(LATE, fact("author", "mira")), ["late"], SPELLED | {"author": MORE}),
        (every(fact("author", "a.example"), fact("author", "b.example")), ["from:a.example"], {"once": MORE}),
        (fact("domain", "shop.example"), ["domain:shop.example"], {"domain": LESS}),
        (every(LATE, fact("link", "shop.example/a")), ["late"], SPELLED | {"no-field": MORE}),
        (every(LATE, fact("lang", "en")), ["late lang:en"], SPELLED | {"language": LESS}),
        (fact("lang", "en"), [], {"language": LESS, "broad": NOTHING}),
        (fact("kind", "repost"), [], {"never": NOTHING}),
        (every(LATE, fact("kind", "reply")), ["late"], SPELLED | {"no-field": MORE}),
        (every(LATE, Field("age", (Range(None, 7200.0),))), ["late since:2026-11-27T10:00:00.000Z"], SPELLED),
        (every(LATE, Field("time", (Period(None, Moment(seconds=-60.0)),))), ["late"], SPELLED | {"time": MORE}),
        # What is asked must hold later too: an end that moves is left open.
        (
            every(LATE, Field("time", (Period(Moment(at=NOW), Moment(seconds=-60.0)),))),
            ["late since:2026-11-27T12:00:00.000Z"],
            SPELLED,
        ),
        (every(LATE, Field("time", (Period(None, Moment(at=NOW)),))), ["late until:2026-11-27T12:00:00.000Z"], SPELLED),
        (
            every(LATE, Field("time", (Period(Moment(day=-1, zone="Europe/Berlin"), None),))),
            ["late since:2026-11-25T23:00:00.000Z"],
            SPELLED,
        ),
    ],
)
def test_bluesky(tree: Node, texts: list[str], lost: dict[str, Effect]) -> None:
    found = to_bluesky(tree, now=NOW)
    assert (list(found.texts), losses(found)) == (texts, lost)


def brandwatch(text: str, use: Use = Use.VIEW) -> tuple[str, dict[str, Effect]]:
    found = from_brandwatch(text, use=use)
    return " | ".join(found.texts), losses(found)


@pytest.mark.parametrize(
    ("theirs", "ours", "lost"),
    [
        ("apple AND juice", "apple AND juice", {}),
        ("apple juice", "apple AND juice", {}),
        ("apple OR juice", "apple OR juice", {}),
        ("apple NOT juice", "apple AND NOT juice", {}),
        ("apple -juice", "apple AND NOT juice", {}),
        ("apple AND NOT (juice OR (sauce AND hot))", "apple AND NOT (juice OR (sauce AND hot))", {}),
        ("(apple AND juice) OR sauce", "(apple AND juice) OR sauce", {}),
        ("apple AND juice OR sauce", "(apple AND juice) OR sauce", {"mixed": LESS}),
        ('"apple juice"', '"apple juice"', {}),
        ("“apple juice”~5", '"apple juice"~5', {}),
        ('"apple"', "apple", {}),
        ("((apple OR orange) NEAR/5 (smartphone OR phone))", "(apple OR orange) NEAR/5 (smartphone OR phone)", {}),
        ("(logitech NEAR/2f keyboard)", "logitech NEAR/2f keyboard", {}),
        ("a1 NEAR/5 (b1 NEAR/2f c1)", "a1 NEAR/5 (b1 NEAR/2f c1)", {}),
        ("x1 NOT (a1 NEAR/5 b1)", "x1 AND NOT (a1 NEAR/5 b1)", {}),
        ("((apple OR orange) AND (smartphone OR phone))~5", "(apple OR orange) NEAR/5 (smartphone OR phone)", {}),
        ("(a1 AND b1 AND c1)~5", "a1 NEAR/6 b1 AND b1 NEAR/6 c1", {"proximity": MORE}),
        ("(a1 OR b1)~5", "a1 OR b1", {"proximity": MORE}),
        ("a1 NEAR/5 (b1 AND c1)", "a1 AND b1 AND c1", {"proximity": MORE}),
        ("x1 NOT (a1 NEAR/5 (b1 AND c1))", "x1", {"proximity": MORE}),
        ("complain*", "complain*", {}),
        ("customi?e", "customi?e", {}),
        ('apple ""', "apple", {"empty": MORE}),
        ("apple AND ab*", "apple", {"wildcard": MORE}),
        ("{BT}", "{BT}", {}),
        ("raw:Google+", 'raw:"Google+"', {}),
        ("niño", "niño", {}),
        ("#MondayMotivation OR @brandwatch OR 👍", "#MondayMotivation OR @brandwatch OR 👍", {}),
        ('"#acme sale"', '"acme sale"', {"sign": MORE}),
        ('x1 NOT "#acme sale"', "x1", {"sign": MORE}),
        ("coca-cola", '"coca cola"', {}),
        ("AT&T", '"AT T"', {}),
        ("wendy's", "wendy's", {}),
        ("and", '"and"', {}),
        ("%", 'raw:"%"', {}),
        # Fields that we have.
        ("hashtags:acme at_mentions:acme", "#acme AND @acme", {}),
        ("apple site:twitter.com", 'apple AND (url:"twitter.com/" OR url:"x.com/")', {"site": LESS}),
        ("apple NOT site:reddit.com", 'apple AND NOT url:"reddit.com/"', {"site": LESS}),
        ('url:"www.msn.com/news"', 'url:"msn.com/news"', {"address": LESS}),
        ("links:msn.com", "domain:msn.com", {}),
        ("links:msn.com/news", 'link:"msn.com/news"', {"address": LESS}),
        ("subreddit:NBA", 'url:"reddit.com/r/nba/"', {"site": LESS}),
        ("author:ladygaga", "author:ladygaga", {"author": LESS}),
        ('author:("brandwatch office" OR ladygaga)', "author:brandwatch.office OR author:ladygaga", {"author": LESS}),
        ("authorFollowers:[500 TO 100000]", "followers:[500 TO 100000]", {}),
        ("authorVerified:true NOT authorVerified:false", "verified:yes AND NOT verified:no", {}),
        ("authorVerifiedType:blue", "verified:yes", {"verified": MORE}),
        ("x1 NOT authorVerifiedType:blue", "x1", {"no-field": MORE}),
        ("language:en", "lang:en", {"language": LESS}),
        ("engagementType:RETWEET", "kind:repost", {}),
        ("engagingWithGuid:   857284", "parent:857284", {}),
        ("rootPostId:12 parentPostId:34", "root:12 AND parent:34", {}),
        ("rating:[1 TO 2] OR rating:5", "rating:[1 TO 2] OR rating:5", {}),
        ("imageType:image", "has:media", {"media": MORE}),
        ("x1 NOT imageType:image", "x1", {"no-field": MORE}),
        # The last minute is let in, and not held against anything.
        ("minuteOfDay:[1110 TO 1140]", "hour:[18:30 TO 19:01]", {}),
        ("x1 NOT minuteOfDay:[1110 TO 1140]", "x1 AND NOT hour:[18:30 TO 19:00]", {}),
        ("x1 minuteOfDay:[0 TO 1439]", "x1", {}),
        ("x1 minuteOfDay:[1140 TO 1110]", "x1", {"no-field": MORE}),
        # Fields that we do not have: left out so that more is found, under NOT as well.
        ("x1 AND country:gbr", "x1", {"no-field": MORE}),
        ("x1 AND NOT country:gbr", "x1", {"no-field": MORE}),
        ("x1 AND NOT (y1 OR country:gbr)", "x1 AND NOT y1", {"no-field": MORE}),
        ("x1 AND NOT (y1 AND country:gbr)", "x1", {"no-field": MORE, "choice": MORE}),
        ("x1 AND (y1 OR authorGender:F)", "x1", {"no-field": MORE, "choice": MORE}),
        ("NOT (NOT x1 OR country:gbr)", "x1", {"no-field": MORE}),
        ("country:gbr", "", {"no-field": MORE, "broad": NOTHING}),
        # Comments stay.
        (
            "<<< brand >>> apple <<<no>>> NOT juice <<< end>>>",
            "<<< brand >>> apple AND <<< no >>> NOT juice <<< end >>>",
            {},
        ),
        ("apple <<<where>>> country:gbr", "apple <<< where >>>", {"no-field": MORE}),
    ],
)
def test_brandwatch(theirs: str, ours: str, lost: dict[str, Effect]) -> None:
    assert brandwatch(theirs) == (ours, lost)
    if ours:
        assert parse(ours).problems == ()


@pytest.mark.parametrize(
    "text", ["", "apple AND", "OR apple", "(apple", "apple)", '"apple', "<<< apple", "site:", "(" * 61 + "a" + ")" * 61]
)
def test_what_is_no_brandwatch_query_is_not_read(text: str) -> None:
    assert brandwatch(text) == ("", {"not-read": NOTHING})


def test_a_field_that_the_use_does_not_publish_is_left_out() -> None:
    assert brandwatch("apple language:en", Use.TOPIC) == ("apple", {"no-field": MORE})


def test_strict_leaves_out_what_hubbub_answers_by_its_own_lights() -> None:
    found = from_brandwatch("apple language:en NOT site:reddit.com", strict=True)
    assert found.texts == ("apple",)
    assert losses(found) == {"language": MORE, "site": MORE}


def test_losses_stand_where_the_query_says_it() -> None:
    text = "apple AND NOT (juice OR country:gbr)"
    (loss,) = from_brandwatch(text).losses
    assert text[loss.start : loss.end] == "country:gbr"


@dataclass(frozen=True)
class Theirs:
    """A Brandwatch query, and what it takes by Brandwatch's published meaning."""

    text: str
    takes: Callable[[Subject], bool]


def _tokens(subject: Subject) -> list[str]:
    return [token.lower() for token in XRule.TOKENS.findall(subject.text)]


def _close(one: list[str], other: list[str], distance: int, ordered: bool, subject: Subject) -> bool:
    tokens = _tokens(subject)
    return any(
        left != right and abs(left - right) - 1 <= distance and (left < right or not ordered)
        for left, a in enumerate(tokens)
        for right, b in enumerate(tokens)
        if a in one and b in other
    )


def _minute(subject: Subject) -> int:
    assert subject.at is not None
    return subject.at.hour * 60 + subject.at.minute


def _near(one: str, others: list[str], distance: int, ordered: bool, tilde: bool) -> Theirs:
    choice = f"({' OR '.join(others)})"
    text = f"({one} AND {choice})~{distance}" if tilde else f"({one} NEAR/{distance}{'f' * ordered} {choice})"
    return Theirs(text, lambda subject: _close([one], others, distance, ordered and not tilde, subject))


their_leaves = st.one_of(
    KEY.map(lambda key: Theirs(key, lambda subject: key in _tokens(subject))),
    KEY.map(lambda key: Theirs(f"<<< {key} >>> {key}", lambda subject: key in _tokens(subject))),
    st.tuples(KEY, KEY).map(
        lambda two: Theirs(f'"{two[0]} {two[1]}"', lambda subject: _in_a_row([*two], _tokens(subject)))
    ),
    st.sampled_from(["la", "deliver", "ord"]).map(
        lambda stem: Theirs(f"{stem}*", lambda subject: any(token.startswith(stem) for token in _tokens(subject)))
    ),
    st.just(Theirs("{BT}", lambda subject: "BT" in XRule.TOKENS.findall(subject.text))),
    st.just(Theirs("e-mail", lambda subject: _in_a_row(["e", "mail"], _tokens(subject)))),
    st.sampled_from(TAGS).map(lambda tag: Theirs(f"#{tag}", lambda subject: tag in Post(subject).tags)),
    st.sampled_from(TAGS).map(lambda tag: Theirs(f"at_mentions:{tag}", lambda subject: tag in Post(subject).names)),
    st.just(Theirs("country:gbr", lambda subject: (subject.followers or 0) % 2 == 0)),
    st.just(Theirs("imageType:image", lambda subject: subject.media > 0 and bool(subject.verified))),
    st.just(Theirs("authorVerifiedType:blue", lambda subject: bool(subject.verified) and subject.media > 0)),
    st.just(Theirs("authorVerified:false", lambda subject: subject.verified is False)),
    st.just(Theirs("language:en", lambda subject: subject.lang == "en")),
    st.just(Theirs("engagementType:REPLY", lambda subject: subject.kind is Kind.REPLY)),
    st.just(Theirs("site:bsky.app", lambda subject: subject.url.startswith("https://bsky.app/"))),
    st.just(Theirs("links:shop.example", lambda subject: any("//shop.example/" in link for link in subject.links))),
    st.tuples(st.integers(0, 9), st.integers(0, 9)).map(
        lambda ends: Theirs(
            f"authorFollowers:[{min(ends)} TO {max(ends)}]",
            lambda subject: min(ends) <= (subject.followers or 0) <= max(ends),
        )
    ),
    # The last minute is meant by one reader, and not by another.
    st.tuples(st.integers(0, 1439), st.integers(0, 1439), st.booleans()).map(
        lambda ends: Theirs(
            f"minuteOfDay:[{min(ends[:2])} TO {max(ends[:2])}]",
            lambda subject: min(ends[:2]) <= _minute(subject) < max(ends[:2]) + ends[2],
        )
    ),
    st.tuples(KEY, st.lists(KEY, min_size=1, max_size=2), st.integers(0, 4), st.booleans(), st.booleans()).map(
        lambda five: _near(*five)
    ),
)


def _together(name: str, parts: list[Theirs]) -> Theirs:
    holds = all if name == "AND" else any
    return Theirs(
        f"({f' {name} '.join(part.text for part in parts)})",
        lambda subject: holds(part.takes(subject) for part in parts),
    )


theirs = st.recursive(
    their_leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda two: _together(*two)
        ),
        st.tuples(their_leaves, inner)
        .map(
            lambda two: Theirs(
                f"{two[0].text} NOT {two[1].text}", lambda subject: two[0].takes(subject) and not two[1].takes(subject)
            )
        )
        .map(lambda one: Theirs(f"({one.text})", one.takes)),
    ),
    max_leaves=8,
)
READ = [
    replace(post.subject, url=url)
    for post, url in zip(
        NETWORKS["bluesky"][2], ["https://bsky.app/profile/m", "https://other.example/"] * 200, strict=True
    )
]


@given(theirs, st.booleans())
@settings(PATIENT, max_examples=250)
def test_what_brandwatch_takes_our_query_takes(one: Theirs, strict: bool) -> None:
    found = from_brandwatch(one.text, strict=strict)
    for text in found.texts:
        parsed = parse(text)
        assert parsed.tree is not None, (text, parsed.problems)
        test = match.test_of(parsed.tree)
        for subject in READ:
            assert test(subject, NOW) or not one.takes(subject), (text, subject.text)
        assert {*re.findall("<<<.*?>>>", text)} == {*re.findall("<<<.*?>>>", one.text)}


@given(st.text(alphabet='ab*?“”’é"()~5<>{}[]:#@- ANDORT', max_size=40))
@settings(max_examples=1000)
@example("5’*55")
@example("555’’*")
def test_a_brandwatch_query_is_read_or_refused_at_a_place(text: str) -> None:
    found = from_brandwatch(text)
    assert all(0 <= loss.start <= loss.end <= max(len(text), loss.start + 3) for loss in found.losses)
    assert found.texts or Effect.NOTHING in losses(found).values()
    for ours in found.texts:
        assert parse(ours).problems == (), ours


def test_without_a_clock_moving_times_are_not_asked() -> None:
    tree = every(LATE, Field("age", (Range(None, 7200.0),)))
    for convert in (to_mastodon, to_bluesky):
        found = convert(tree)
        assert found.texts == ("late",)
        assert losses(found)["time"] is MORE


def test_times_beyond_the_calendar() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for value in (Period(Moment(at=first), Moment(at=last)), Range(None, 1e300), Period(Moment(seconds=-1e12), None)):
        for convert in (to_mastodon, to_bluesky):
            assert len(convert(every(LATE, Field("time", (value,))), now=NOW).texts) == 1


def test_choices_that_are_too_many() -> None:
    crossed = every(*(one_of(*(w(f"{side}{number}") for number in range(9))) for side in "abcd"))
    wide = one_of(*(w(f"word{number}") for number in range(101)))
    for convert in (to_mastodon, to_bluesky):
        found = convert(crossed)
        assert 0 < len(found.texts) <= 100
        assert losses(found)["choices"] is MORE
        assert convert(wide).texts == ()
        assert losses(convert(wide))["choices"] is NOTHING
        assert len(convert(wide, most=101).texts) == 101


def test_strict_on_mastodon_and_bluesky() -> None:
    tree = every(LATE, fact("lang", "en"), Not(w("a")))
    assert to_mastodon(tree, strict=True).texts == ("late",)
    assert to_bluesky(every(Sign("#late"), Sign("@acme.example"), w("👍")), strict=True).texts == (
        'late "acme.example"',
    )


# The page ----------------------------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "query-converters.md").read_text("utf-8")


def told() -> Iterator[tuple[str, str, list[str], set[str]]]:
    """Every row of the page's tables: its section, the query, what comes of it, the codes of what is lost."""
    for section in PAGE.split("\n## ")[1:]:
        for row in re.findall(r"^\| `(.*)` \| (.*) \| (.*?) ?\|$", section, re.MULTILINE):
            yield section.split()[0], row[0], re.findall(r"`([^`]+)`", row[1]), set(filter(None, row[2].split(", ")))


@pytest.mark.parametrize(("section", "query", "texts", "codes"), [*told()])
def test_the_page_tells_what_happens(section: str, query: str, texts: list[str], codes: set[str]) -> None:
    if section == "From":
        found = from_brandwatch(query)
    else:
        tree = parse(query).tree
        assert tree is not None
        found = {"X:": to_x(tree), "Mastodon:": to_mastodon(tree), "Bluesky:": to_bluesky(tree)}[section]
    assert list(found.texts) == texts
    assert set(losses(found)) == codes


def test_the_page_is_about_all_four() -> None:
    assert Counter(section for section, *_ in told()) == {"X:": 11, "Mastodon:": 8, "Bluesky:": 6, "From": 13}
