"""Generated queries of the whole language, and texts and subjects that they have a fair chance to match. Judges nothing: see `oracle`.

`trees()` draws only trees that a query's text can stand for (so no OR directly in an OR); `texts()` writes in alphabets that the oracle
cuts rightly; `hostile_texts()` writes anything.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import strategies as st

from listener.model.kinds import Kind
from listener.model.scales import Priority, ToneLabel
from listener.model.work import State
from listener.query.fields import FieldFact, Sort, Use, fields_for
from listener.query.names import Names
from listener.query.subject import Subject
from listener.query.tree import (
    And,
    Exact,
    Field,
    Hours,
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
    Value,
    Wild,
    Word,
    walk,
)

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
"""A Friday. The trees' times lie around it."""

# What texts are written in -------------------------------------------------------------------------------------------

WORDS = [
    *(
        "app",
        "down",
        "bill",
        "bills",
        "ill",
        "I'll",
        "refund",
        "refunded",
        "late",
        "colour",
        "color",
        "other",
        "BT",
        "bt",
    ),
    *("DOWN", "Down!", "d\u200bown", "re\u00adfund", "café", "CAFÉ", "cafe", "cafe\u0301", "naïve", "don't", "don’t"),
    *(
        "brand's",
        "brand’s",
        "BRAND",
        "L’Brand's",
        "l’heure",
        "d'l'heure",
        "heure",
        "STRASSE",
        "Straße",
        "ﬁn",
        "fin",
        "İstanbul",
        "istanbul",
    ),
    *(
        "ſale",
        "sale",
        "\u212ag",
        "kg",
        "e-mail",
        "user_name",
        "障害",
        "害障",
        "iPhone修理",
        "カフェ",
        "ガ",
        "한글",
        "हिन्दी",
    ),
    *("Google+", "C++", "AT&T", "24h", "1,000", "or", "not", "Øre"),
]
PICTURES = ["😀", "😀😀", "👍", "👍🏽", "👍🏿", "❤", "❤\ufe0f", "👩\u200d💻", "👩🏽\u200d💻", "🇩🇪", "🔥"]
SIGNS = [
    "#down",
    "#Down",
    "#App",
    "#café",
    "#down_app",
    "@acme",
    "@Acme.example",
    "@mira_k",
    "@acme.",
    "$ACME",
    "$acme",
    "$5",
]
ADDRESSES = [
    *("https://down.example/outage", "HTTP://shop.example/app?refund=1", "mira@acme.example"),
    *('<a href="https://shop.example/app">refund</a>', "<https://down.example/>?"),
]
GLUE = [" ", " ", " ", "  ", ", ", "\n", " — ", "! ", "… ", " / ", "-", "? "]


@st.composite
def texts(draw: st.DrawFn, max_size: int = 8) -> str:
    """Texts of a small vocabulary, spelled and joined in many ways."""
    vocabulary = st.sampled_from(WORDS) | st.sampled_from([*PICTURES, *SIGNS, *ADDRESSES]) | st.sampled_from(WORDS[:8])
    return "".join(word + draw(st.sampled_from(GLUE)) for word in draw(st.lists(vocabulary, max_size=max_size)))


_ODD = st.sampled_from(
    [
        *"abcABC émÉİıßſﬁłøÅ'’‘_-.@＠#＃$0１٣ 障害ｶﾞガ々ーสวัดีक्षिمَر한글Kʼn",
        *"\u0301\u0308\u200b\u200d\u00ad\ufe0f\ufe0e\u20e3\u2028\x00\ud800😀👩💻🏽🏿🇩🇪❤👍\n\u0345\u1fb3",
        *("app", "down", " ", "http://x.y/down", "https://", '"', "<", ">", "cafe\u0301", "\U000e0067\U000e007f"),
    ]
)


def hostile_texts() -> st.SearchStrategy[str]:
    """Any Unicode, and the corners of it joined without a thought."""
    return st.text() | st.lists(_ODD, max_size=30).map("".join) | st.tuples(texts(4), st.text(), texts(4)).map("".join)


# Queries -------------------------------------------------------------------------------------------------------------

KEYS = [
    *(
        "app",
        "down",
        "bill",
        "bills",
        "refund",
        "late",
        "color",
        "bt",
        "café",
        "cafe",
        "naive",
        "naïve",
        "don't",
        "ill",
    ),
    *(
        "i'll",
        "brand",
        "brand's",
        "heure",
        "l'heure",
        "strasse",
        "fin",
        "istanbul",
        "sale",
        "kg",
        "mail",
        "害",
        "ガ",
        "한글",
    ),
    *("हिन्दी", "or", "not", "near", "to", "acme", "24h", "øre", "ore"),
]
PICTURE_KEYS = ["😀", "👍", "👍🏽", "❤", "🇩🇪", "🔥", "👩\u200d💻"]
COMMON = ["app", "down", "bill", "refund", "cafe", "late"]
PATTERNS = ["bill*", "ref*", "col*r", "colo?r", "caf?", "café*", "d?wn", "re*ed", "str*", "refund??", "bra*'s"]
SPELLINGS = ["BT", "bt", "Down", "DOWN", "café", "CAFÉ", "Straße", "İstanbul", "ſale", "brand's", "fin", "ﬁn"]
FORMS = ["#down", "#app", "#café", "#cafe", "#down_app", "@acme", "@acme.example", "@mira_k", "$acme"]
RAWS = ["Google+", "C++", "AT&T", "cafe", "café", "down", "DOWN", "1,000", "e-mail", "l’heure", "?"]
REGEXES = [r"refund(ed)?", r"colou?r", r"\d+ *h", r"re.und", r"\bbt\b", r"^app", r"down|late", r"[?!]", r"a/b", r"caf."]
NAMES = Names(
    lists={"greens": ("fin", "bill*", "#down", "app down", "{BT}"), "one": ("refund",), "people": ("mira", "acme.*")},
    queries={"trouble": "down OR refund", "deep": "list:greens AND NOT late"},
)
"""What `trees()` names."""

_GREENS = Or(
    (Word("fin"), Wild("bill*"), Sign("#down"), Phrase((Word("app"), Word("down"))), Exact("BT")),
)
NAMED = [
    Named("list:greens", _GREENS),
    Named("list:one", Word("refund")),
    Named("query:trouble", Or((Word("down"), Word("refund")))),
    Named("query:deep", And((Named("list:greens", _GREENS), Not(Word("late"))))),
]


TERMS: tuple[Node, ...] = (
    *map(Word, KEYS + PICTURE_KEYS),
    *map(Wild, PATTERNS),
    *map(Exact, SPELLINGS),
    *map(Sign, FORMS),
    *map(Raw, RAWS),
    *map(Regex, REGEXES),
)
"""Every part that `trees()` makes queries of."""


def _term() -> st.SearchStrategy[Word | Wild | Exact]:
    common = st.sampled_from(COMMON).map(Word)
    return (
        common
        | common
        | st.sampled_from(KEYS + PICTURE_KEYS).map(Word)
        | st.sampled_from(PATTERNS).map(Wild)
        | st.sampled_from(SPELLINGS).map(Exact)
    )


def _phrase() -> st.SearchStrategy[Phrase]:
    slop = st.none() | st.integers(0, 3)
    terms = st.lists(_term(), min_size=2, max_size=3).filter(lambda some: not _repeats_a_picture(some))
    return st.builds(Phrase, terms.map(tuple), slop) | st.sampled_from(
        [Phrase((Word("障"), Word("害"))), Phrase((Word("e"), Word("mail"))), Phrase((Word("user"), Word("name")))]
    )


def _repeats_a_picture(terms: list[Word | Wild | Exact]) -> bool:
    """Whether the same emoji stands twice in a row: written so it is one word, and no phrase of two."""
    return any(one == other and one in _PICTURES for one, other in pairwise(terms))


_PICTURES = [*map(Word, PICTURE_KEYS)]


def _near(side: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(Near, side, side, st.integers(0, 4), st.booleans())


def _or(parts: st.SearchStrategy[Node], max_size: int = 3) -> st.SearchStrategy[Node]:
    """Without an OR directly inside: nobody can write one."""
    sides = parts.filter(lambda part: not isinstance(part, Or))
    return st.lists(sides, min_size=2, max_size=max_size).map(lambda some: Or(tuple(some)))


def _and(parts: st.SearchStrategy[Node], max_size: int = 3) -> st.SearchStrategy[Node]:
    sides = parts.filter(lambda part: not isinstance(part, And))
    return st.lists(sides, min_size=2, max_size=max_size).map(lambda some: And(tuple(some)))


def _not(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return parts.filter(lambda part: not isinstance(part, Not)).map(Not)


def positionals() -> st.SearchStrategy[Node]:
    """What may stand beside NEAR."""
    leaf = _term() | _term() | _phrase() | st.sampled_from(FORMS).map(Sign) | st.sampled_from(NAMED[:3])
    return st.recursive(leaf, lambda parts: _near(parts) | _or(parts), max_leaves=5)


def trees(use: Use = Use.VIEW) -> st.SearchStrategy[Node]:
    """Queries of the whole language, as far as the use may ask."""
    leaf = (
        positionals()
        | _term()
        | _near(_term() | _phrase())
        | st.sampled_from(RAWS).map(Raw)
        | st.sampled_from(REGEXES).map(Regex)
        | st.sampled_from(NAMED)
        | fields(use)
    )
    return st.recursive(leaf, lambda parts: _and(parts) | _or(parts) | _not(parts), max_leaves=6)


@st.composite
def asked(draw: st.DrawFn, asking: st.SearchStrategy[Node], max_size: int = 10) -> tuple[Node, str]:
    """A query, and a text of its own words in any order among a few others: half of them match."""
    tree = draw(asking)
    own = sorted({word for node in walk(tree) for word in _written(node)}) or WORDS
    vocabulary = st.sampled_from(own) | st.sampled_from(own) | st.sampled_from(own) | st.sampled_from(WORDS + PICTURES)
    some = draw(st.lists(vocabulary, min_size=min(len(own), 3), max_size=max_size))
    return tree, "".join(word + draw(st.sampled_from(GLUE)) for word in some)


def _written(node: Node) -> list[str]:
    """Words that make a part true, and some that nearly do."""
    match node:
        case Word(key=key) | Sign(form=key) | Exact(spelling=key) | Raw(text=key):
            return [key, *_ALIKE.get(key, ())]
        case Wild(pattern=pattern):
            return [pattern.replace("*", "ed").replace("?", "e")]
        case Phrase(parts=parts):
            return [word for part in parts for word in _written(part)]
        case Regex(pattern=pattern):
            return ["".join(char for char in pattern if char.isalpha()), pattern.split("|")[0]]
        case _:
            return []


def _core(word: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", word).casefold() if char.isalnum() or char > "\u2000")


_ALIKE = {
    key: [word for word in (*WORDS, *PICTURES, *SIGNS) if _core(key)[:2] in _core(word)]
    for key in (*KEYS, *PICTURE_KEYS, *SPELLINGS, *RAWS, *FORMS)
}
"""For each key the words of the vocabulary that look like it."""


def few_words() -> st.SearchStrategy[tuple[Node, str]]:
    """NEAR, slop and phrases nested deep over three words, and texts of hardly any others: all the ways to stand near."""
    word = st.sampled_from("abc").map(Word)
    phrase = st.builds(Phrase, st.lists(word, min_size=2, max_size=3).map(tuple), st.none() | st.integers(0, 2))
    parts: st.SearchStrategy[Node] = word | phrase
    near = st.recursive(parts, lambda some: _near(some) | _near(some) | _or(some), max_leaves=4)
    return st.tuples(near, st.lists(st.sampled_from("aabbccx"), max_size=7).map(" ".join))


# Fields --------------------------------------------------------------------------------------------------------------

NAME_VALUES = {
    "source": ["bluesky", "mastodon"],
    "author": ["mira", "mira.example", "did:plc:mira", "@mira.example", "acme"],
    "account": ["larkspur.example", "larkspur"],
    "topic": ["larkspur", "orbit"],
    "lang": ["en", "de", "zh"],
    "rule": ["outage", "spam"],
    "tag": ["billing", "café", "two words"],
    "label": ["callback", "café"],
    "assignee": ["lea", "me", "nobody"],
    "team": ["care", "network"],
}
IDS = ["at://did:plc:ab/app.bsky.feed.post/3k", "109501", "Ab"]
LINKS = ["https://shop.example/returns", "http://www.Shop.example", "https://news.example:8080/a?b=c"]
SITES = ["shop.example", "example", "op.example", "news.example"]
PARTS = [
    Text("shop.example", "shop.example"),
    Text("returns", "returns"),
    Text("a?b=c", "a?b=c"),
    Text("https://Shop.example", "shop.example"),
    Text("www.shop.example", "shop.example"),
]
NUMBERS = [0.0, 1.0, 2.0, 4.5, 10.0, 100.0, 1000.0, 10_000.0]
SPANS = [60.0, 7200.0, 86_400.0, 604_800.0]
ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata"]
AUTHORS = [
    ("Mira.example", "did:plc:mira"),
    ("", "did:plc:mira"),
    ("acme", "7"),
    ("acme@social.example", "8"),
    ("", ""),
]


@st.composite
def fields(draw: st.DrawFn, use: Use = Use.VIEW, only: FieldFact | None = None) -> Field:
    """A field, or the only one, with one to three values."""
    fact = only or draw(st.sampled_from(fields_for(use)))
    some = draw(st.lists(_value(fact, use), min_size=1, max_size=3, unique=True))
    return Field(fact.name, tuple(some))


def _value(fact: FieldFact, use: Use) -> st.SearchStrategy[Value]:
    match fact.sort:
        case Sort.NAME:
            known = NAME_VALUES[fact.name]
            wild = [
                value[: max(1, len(value) // 2)] + "*" for value in known if value not in ("me", "nobody", "two words")
            ]
            return st.sampled_from(known).map(_text) | st.sampled_from(wild).map(lambda one: Text(one, one, True))
        case Sort.ID:
            return st.sampled_from(IDS).map(lambda one: Text(one, one))
        case Sort.CHOICE:
            choice: st.SearchStrategy[Value] = st.sampled_from(sorted(fact.values_for(use))).map(_text)
            if fact.order:
                choice = choice | _ranges([float(one) for one in range(1, len(fact.order) + 1)], single=False)
            return choice | _ranges([-0.8, -0.25, 0.0, 0.5]) if fact.numbers else choice
        case Sort.NUMBER:
            return _ranges(NUMBERS)
        case Sort.AGE:
            return _ranges(SPANS, single=False)
        case Sort.TIME:
            return _periods()
        case Sort.HOUR:
            low, high = (st.integers(first, first + 95).map(lambda quarter: quarter * 15) for first in (0, 1))
            return st.builds(Hours, low, high, st.sampled_from(ZONES))
        case Sort.ADDRESS:
            return st.sampled_from(PARTS)
        case Sort.DOMAIN:
            return st.sampled_from(SITES).map(_text)


def _text(raw: str) -> Text:
    return Text(raw, raw)


@st.composite
def _ranges(draw: st.DrawFn, numbers: list[float], single: bool = True) -> Range:
    """A range as it can be written; `single`: also one number alone."""
    low, high = sorted(draw(st.lists(st.sampled_from(numbers), min_size=2, max_size=2, unique=True)))
    ways = [
        Range(low, high),
        Range(low, None),
        Range(low, None, low_in=False),
        Range(None, high),
        Range(None, high, high_in=False),
    ]
    return draw(st.sampled_from([*ways, Range(low, low)] if single else ways))


@st.composite
def _periods(draw: st.DrawFn) -> Period:
    zone = draw(st.sampled_from(ZONES))
    days = draw(st.integers(-3, 0))
    hours = draw(st.integers(1, 48))
    whole = datetime(2026, 11, 27, tzinfo=UTC) + timedelta(days=days)
    return draw(
        st.sampled_from(
            [
                Period(Moment(day=days, zone=zone), Moment(day=days + 1, zone=zone)),
                Period(Moment(at=whole), Moment(at=whole + timedelta(days=2))),
                Period(Moment(at=whole + timedelta(hours=hours)), None),
                Period(None, Moment(at=whole)),
                Period(Moment(seconds=-3600.0 * hours), None),
                Period(Moment(seconds=-3600.0 * hours), Moment(seconds=0.0)),
            ]
        )
    )


# Subjects ------------------------------------------------------------------------------------------------------------


def _some(values: list[str]) -> st.SearchStrategy[frozenset[str] | None]:
    return st.none() | st.frozensets(st.sampled_from(values), max_size=2)


def subjects(text: st.SearchStrategy[str] | None = None, about: str | None = None) -> st.SearchStrategy[Subject]:
    """Messages with all, some or nothing known about them; `about`: with what this field may look at only."""
    written = texts() if text is None else text
    return st.builds(_subject, written, st.sampled_from(AUTHORS), _rest() if about is None else _what(about))


def _what(about: str) -> st.SearchStrategy[dict[str, object]]:
    names = {
        "account": "accounts",
        "topic": "topics",
        "rule": "rules",
        "tag": "tags",
        "label": "labels",
        "status": "state",
        **dict.fromkeys(("age", "time", "hour"), "at"),
        "domain": "links",
        "link": "links",
        "tone": "tone compound",
        "reach": "source followers reposts quotes likes replies",
        "assignee": "assignee me",
        "is": "kind ours addressed verified unread state assignee stated",
        "has": "links media hashtags rules stated",
    }
    wanted = names.get(about, about).split()
    return st.fixed_dictionaries({name: held for name, held in _KNOWN.items() if name in wanted})


def _subject(text: str, author: tuple[str, str], rest: dict[str, object]) -> Subject:
    return Subject(text=text, author_handle=author[0], author_id=author[1], **rest)  # type: ignore[arg-type]


_NUMBER: st.SearchStrategy[object] = st.none() | st.sampled_from(NUMBERS)
_YES_NO: st.SearchStrategy[object] = st.none() | st.booleans()
_KNOWN: dict[str, st.SearchStrategy[object]] = {
    "source": st.sampled_from(["", "bluesky", "mastodon"]),
    "kind": st.sampled_from(Kind),
    **dict.fromkeys(("followers", "likes", "reposts", "replies", "quotes", "rating"), _NUMBER),
    **dict.fromkeys(("verified", "addressed", "unread"), _YES_NO),
    "hashtags": st.lists(st.sampled_from(["down", "Café", "#app"]), max_size=2).map(tuple),
    "links": st.lists(st.sampled_from(LINKS), max_size=2).map(tuple),
    "media": st.integers(0, 1),
    "url": st.sampled_from(["", *LINKS]),
    "parent": st.none() | st.sampled_from([*IDS, "ab"]),
    "root": st.none() | st.sampled_from([*IDS, "ab"]),
    "at": st.none() | st.integers(-4 * 96, 0).map(lambda quarter: NOW + timedelta(minutes=15 * quarter)),
    "ours": st.booleans(),
    "accounts": _some(["larkspur.example", "orbit.example"]),
    "lang": st.none() | st.sampled_from(["en", "de", "fr"]),
    "tone": st.none() | st.sampled_from(ToneLabel),
    "about": st.none() | st.sampled_from(ToneLabel),
    "compound": st.none() | st.sampled_from([-0.8, -0.25, 0.0, 0.5]),
    "need": st.none() | st.sampled_from([0.0, 0.7, 1.0]),
    "topics": _some(["larkspur", "Orbit"]),
    "rules": _some(["outage", "billing"]),
    "tags": _some(["billing", "Café", "two words"]),
    "labels": _some(["callback", "Café"]),
    "state": st.none() | st.sampled_from(State),
    "priority": st.none() | st.sampled_from(Priority),
    "assignee": st.none() | st.sampled_from(["", "lea", "Tom"]),
    "team": st.none() | st.sampled_from(["care", "legal"]),
    "me": st.sampled_from(["", "lea"]),
    "stated": st.frozensets(st.sampled_from(["is:question", "has:link", "has:media"]), max_size=1),
}


def _rest() -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries(_KNOWN) | st.fixed_dictionaries({}, optional=_KNOWN)
