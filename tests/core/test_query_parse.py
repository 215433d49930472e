"""A query's text becomes a tree, or all of its problems at once, each at its place; never an exception."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from listener.query.cut import MAX_REGEXES, QUOTES, Sort, cut
from listener.query.fields import FIELDS, FieldFact, Use, fields_for
from listener.query.match import match
from listener.query.names import Names
from listener.query.parse import MAX_DEPTH, MAX_HEIGHT, MAX_LENGTH, MAX_SIZE, MAX_TERMS, Parsed, parse
from listener.query.regexes import MAX_PATTERN, compile_regex, fault_of
from listener.query.subject import Subject
from listener.query.terms import MAX_COUNT
from listener.query.told import Told, locator
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
    parts_of,
    walk,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)

NAMES = Names(
    lists={
        "giveaway": ("giveaway", "win a prize", "#win", "deliver*", "{BT}", "🎁"),
        "one": ("only",),
        "vip": ("mira.example", "bob*"),
        "strange": ("*", "ok"),
        "empty": (),
        "stars": ("<5", "[3 TO 4]"),
        "two words": ("app",),
    },
    queries={
        "outage": "down NEAR/5 (app OR site)",
        "wide": "list:giveaway OR query:outage",
        "a": "query:b x",
        "b": "y query:a",
        "self": "query:self",
        "broken": "sorce:x\nAND",
        "later": "status:open",
        "nothing": "<<< only a comment >>>",
    },
)


def shown(node: Node | None) -> str:
    """A tree in the shortest unmistakable form."""
    match node:
        case Near(left=left, right=right, distance=distance, ordered=ordered):
            return f"({shown(left)} ~{distance}{'f' * ordered} {shown(right)})"
        case Field(name=name, values=values):
            return f"{name}:" + "|".join(map(shown_value, values))
        case And(parts=parts):
            return "(" + " & ".join(map(shown, parts)) + ")"
        case Or(parts=parts):
            return "(" + " | ".join(map(shown, parts)) + ")"
        case Not(part=part):
            return "!" + shown(part)
        case Named(name=name, part=part):
            return f"{name}={shown(part)}"
        case None:
            return "nothing"
        case _:
            return shown_leaf(node)


def shown_leaf(node: Node) -> str:
    match node:
        case Word(key=key):
            return key
        case Wild(pattern=pattern):
            return f"<{pattern}>"
        case Exact(spelling=spelling):
            return f"{{{spelling}}}"
        case Phrase(parts=parts, slop=slop):
            return '"' + " ".join(map(shown, parts)) + '"' + ("" if slop is None else f"~{slop}")
        case Sign(form=form):
            return form
        case Raw(text=text):
            return f"raw={text}"
        case Regex(pattern=pattern):
            return f"/{pattern}/"
    raise AssertionError(node)


def shown_value(value: Value) -> str:
    match value:
        case Text(key=key, wild=wild):
            return f"<{key}>" if wild else key
        case Range(low=low, high=high, low_in=low_in, high_in=high_in):
            first = "" if low is None else f"{low:g}"
            last = "" if high is None else f"{high:g}"
            return f"{'[' if low_in else '('}{first},{last}{']' if high_in else ')'}"
        case Period():
            return f"[{moment(value.low)},{moment(value.high)})"
        case Hours(low=begin, high=end, zone=zone):
            return f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}@{zone}"


def moment(one: Moment | None) -> str:
    if one is None:
        return ""
    if one.at is not None:
        return one.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"day{one.day:+d}@{one.zone}" if one.day is not None else f"now{one.seconds:+g}s"


def tree_of(text: str, use: Use = Use.VIEW) -> str:
    parsed = parse(text, use, names=NAMES)
    assert [str(one) for one in parsed.problems] == []
    return shown(parsed.tree)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("down", "down"),
        ("App Down", "(app & down)"),
        ("app AND down OR refund", "((app & down) | refund)"),
        ("app AND (down OR refund)", "(app & (down | refund))"),
        ("app -down", "(app & !down)"),
        ("app NOT down", "(app & !down)"),
        ("app AND NOT (down OR up)", "(app & !(down | up))"),
        ("NOT NOT app", "app"),
        ("--app", "app"),
        ("-(app down)", "!(app & down)"),
        ('-"app down"', '!"app down"'),
        ("-{BT} -/a+/ -#tag -😀 -kind:post", "(!{BT} & !/a+/ & !#tag & !😀 & !kind:post)"),
        ("((((a))))", "a"),
        ("a or b", "(a & or & b)"),
        ('<<< all of it >>> app <<< x OR "y\n( >>> OR down<<<c>>>', "(app | down)"),
        ("app<<<c>>>down", "(app & down)"),
    ],
)
def test_how_parts_combine(text: str, tree: str) -> None:
    assert tree_of(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ('"The App’s down"', '"the app\'s down"'),
        ("“typographic quotes”", '"typographic quotes"'),
        ("„deutsche“", "deutsche"),
        ("e-mail", '"e mail"'),
        ("and/or", '"and or"'),
        ("障害", '"障 害"'),
        ("障", "障"),
        ("Café", "café"),
        ("12", "12"),
        ("down, up!", "(down & up)"),
        ("😀 ❤️", "(😀 & ❤)"),
        ("😀😀", "😀"),
        ("#Fail ＃Fail @acme.bsky.social", "(#fail & #fail & @acme.bsky.social)"),
        ("$CASH $brk.B ＄ab $5", "($cash & $brk.b & $ab & 5)"),
        ("bill* w?rd un?ver*al", "(<bill*> & <w?rd> & <un?ver*al>)"),
        ("don’t* caf\u00e9** bill*!", "(<don't*> & <café*> & <bill*>)"),
        ("e-mail*", '"e <mail*>"'),
        ('"deliver* late" "deliver*"', '("<deliver*> late" & <deliver*>)'),
        ('"a b"~3 "a b c"~0', '("a b"~3 & "a b c"~0)'),
        (f'"a b"~{"9" * 5000}', f'"a b"~{MAX_COUNT}'),
        ("{BT} {Le Monde} {L’Équipe}", '({BT} & "{Le} {Monde}" & {L\'Équipe})'),
        ('"{BT} broadband*"', '"{BT} <broadband*>"'),
        ('raw:"Google+" RAW:C++ -raw:":-)"', "(raw=Google+ & raw=C++ & !raw=:-))"),
        (r"/colou?r/ /a b\/c/ (/x y/)", r"(/colou?r/ & /a b\/c/ & /x y/)"),
        ("/a/b/", "/a/b/"),
        ("*️⃣", "*⃣"),
    ],
)
def test_what_stands_in_the_text(text: str, tree: str) -> None:
    assert tree_of(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a NEAR/5 b", "(a ~5 b)"),
        ("a NEAR/0f b", "(a ~0f b)"),
        ("a NEAR/5F b", "(a ~5f b)"),
        ("x a NEAR/5 b OR c", "((x & (a ~5 b)) | c)"),
        ("-a NEAR/5 b", "!(a ~5 b)"),
        ("a NEAR/5 b NEAR/3 c", "((a ~5 b) ~3 c)"),
        ("a NEAR/5 (b NEAR/3 c)", "(a ~5 (b ~3 c))"),
        (
            '(a OR "b c") NEAR/5f (d* OR #e OR {F} OR (g OR h))'.replace("d*", "dog*"),
            '((a | "b c") ~5f (<dog*> | #e | {F} | (g | h)))',
        ),
        ("list:one NEAR/2 query:outage", "(list:one=only ~2 query:outage=(down ~5 (app | site)))"),
        (f"a NEAR/{'9' * 5000} b", f"(a ~{MAX_COUNT} b)"),
    ],
)
def test_near(text: str, tree: str) -> None:
    assert tree_of(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("source:bluesky lang:(en OR de)", "(source:bluesky & lang:en|de)"),
        ('lang:(de, fr) lang:(de,fr) lang:(de <<<c>>> OR "fr")', "(lang:de|fr & lang:de|fr & lang:de|fr)"),
        ('author:"did:plc:abc" AUTHOR:acme*', "(author:did:plc:abc & author:<acme*>)"),
        ('author:"what*" topic:b?ll', "(author:what* & topic:<b?ll>)"),
        ("author:did:plc:abc author:@Mira", "(author:did:plc:abc & author:@mira)"),
        ("-is:ours has:link", "(!is:ours & has:link)"),
        ("status:open priority:Urgent assignee:me", "(status:open & priority:urgent & assignee:me)"),
        ("parent:at://did:plc:Ab/app.bsky.feed.post/3K", "parent:at://did:plc:Ab/app.bsky.feed.post/3K"),
        ("root:-5", "root:-5"),
        ("link:https://www.Shop.example/Re?x=1*", "link:shop.example/re?x=1"),
        ("domain:https://www.shop.example:80/x domain:*.shop.example", "(domain:shop.example & domain:shop.example)"),
        ("author:list:vip author:(list:vip OR zoe)", "(author:mira.example|<bob*> & author:mira.example|<bob*>|zoe)"),
        ("followers:list:stars", "followers:[,5)|[3,4]"),
        ('tag:list:"two words"', "tag:app"),
        ("verified:yes tag:*", "(verified:yes & tag:<*>)"),
    ],
)
def test_fields_with_names(text: str, tree: str) -> None:
    assert tree_of(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("followers:5", "followers:[5,5]"),
        ("followers:>1000 followers:>=1k", "(followers:(1000,] & followers:[1000,])"),
        ("followers:<1_000 followers:<=1,000,000", "(followers:[,1000) & followers:[,1e+06])"),
        ("followers:[1.5m TO *]", "followers:[1.5e+06,]"),
        ("followers:[* to 5]", "followers:[,5]"),
        ("rating:(1 OR [3 TO 4] OR >=4.5)", "rating:[1,1]|[3,4]|[4.5,]"),
        ('likes:"> 5"', "likes:(5,]"),
        ("tone:<-0.5 tone:0 tone:(negative OR >=.5)", "(tone:[,-0.5) & tone:[0,0] & tone:negative|[0.5,])"),
        ("tone:[-1 TO -0.5]", "tone:[-1,-0.5]"),
        ("priority:>=high priority:[low TO normal]", "(priority:[3,] & priority:[1,2])"),
        ("priority:<urgent", "priority:[,4)"),
        ("age:<2h age:>=1.5d age:[1d TO 1w]", "(age:[,7200) & age:[129600,] & age:[86400,604800])"),
    ],
)
def test_fields_with_numbers(text: str, tree: str) -> None:
    assert tree_of(text) == tree


@pytest.mark.parametrize(
    ("value", "tree"),
    [
        ("2026-11-01", "[2026-11-01T00:00:00Z,2026-11-02T00:00:00Z)"),
        ("2026-12", "[2026-12-01T00:00:00Z,2027-01-01T00:00:00Z)"),
        ("2026-11-27T09:30Z", "[2026-11-27T09:30:00Z,2026-11-27T09:31:00Z)"),
        ("2026-11-27T09:30:15+02:00", "[2026-11-27T07:30:15Z,2026-11-27T07:30:16Z)"),
        ("[2026-11-01 TO 2026-11-07]", "[2026-11-01T00:00:00Z,2026-11-08T00:00:00Z)"),
        ("[2026-11-01 TO 2026-11-07 Europe/Berlin]", "[2026-10-31T23:00:00Z,2026-11-07T23:00:00Z)"),
        ("[2026-10-25 TO 2026-10-25 Europe/Berlin]", "[2026-10-24T22:00:00Z,2026-10-25T23:00:00Z)"),
        ("[2026-11-27 09:30 TO 2026-11-27T10:00 America/New_York]", "[2026-11-27T14:30:00Z,2026-11-27T15:01:00Z)"),
        ("[* TO 2026-11-07]", "[,2026-11-08T00:00:00Z)"),
        (">=2026-11-27T09:30Z", "[2026-11-27T09:30:00Z,)"),
        (">2026-11-27", "[2026-11-28T00:00:00Z,)"),
        ("<2026-11-27", "[,2026-11-27T00:00:00Z)"),
        ("<=2026-11-27", "[,2026-11-28T00:00:00Z)"),
        ("today", "[day+0@UTC,day+1@UTC)"),
        ("yesterday", "[day-1@UTC,day+0@UTC)"),
        ("today-7d", "[day-7@UTC,day-6@UTC)"),
        ('"today Europe/Berlin"', "[day+0@Europe/Berlin,day+1@Europe/Berlin)"),
        ("[yesterday TO now Europe/Berlin]", "[day-1@Europe/Berlin,now+0s)"),
        (">=now-2h", "[now-7200s,)"),
        ("[now-2h TO now]", "[now-7200s,now+0s)"),
        ("[2026-11-01 TO today]", "[2026-11-01T00:00:00Z,day+1@UTC)"),
    ],
)
def test_times(value: str, tree: str) -> None:
    assert tree_of(f"time:{value}") == f"time:{tree}"


@pytest.mark.parametrize(
    ("value", "tree"),
    [
        ("9", "09:00-10:00@UTC"),
        ("23", "23:00-24:00@UTC"),
        ("[09:00 TO 17:30 Europe/Berlin]", "09:00-17:30@Europe/Berlin"),
        ("[9 TO 17]", "09:00-18:00@UTC"),
        ("[22:00 TO 06:00]", "22:00-06:00@UTC"),
        ("[22:00 TO 00:00]", "22:00-00:00@UTC"),
        ("[22 TO 24:00]", "22:00-24:00@UTC"),
        ("[24:00 TO 6:00 Z]", "00:00-06:00@UTC"),
        (">=22", "22:00-24:00@UTC"),
        (">9", "10:00-24:00@UTC"),
        ("<6", "00:00-06:00@UTC"),
        ("<=6", "00:00-07:00@UTC"),
        ('"9 Europe/Berlin"', "09:00-10:00@Europe/Berlin"),
    ],
)
def test_hours(value: str, tree: str) -> None:
    assert tree_of(f"hour:{value}") == f"hour:{tree}"


def codes(parsed: Parsed) -> list[tuple[int, int, str]]:
    return [(one.line, one.column, one.code) for one in parsed.problems]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", [(1, 1, "empty")]),
        ("   ", [(1, 1, "empty")]),
        ("<<< nothing >>>", [(1, 1, "empty")]),
        ("<<< nothing", [(1, 1, "unclosed-comment")]),
        ("app >>>", [(1, 5, "unopened-comment")]),
        ("app AND", [(1, 5, "missing-operand")]),
        ("OR app", [(1, 1, "missing-operand")]),
        ("OR", [(1, 1, "missing-operand")]),
        ("app AND OR down", [(1, 5, "missing-operand")]),
        ("app NOT", [(1, 5, "missing-operand")]),
        ("NOT NEAR/5 b", [(1, 1, "missing-operand")]),
        ("NEAR/5 b", [(1, 1, "missing-operand")]),
        ("a NEAR/5", [(1, 3, "missing-operand")]),
        ("(app", [(1, 1, "unclosed-bracket")]),
        ("app)", [(1, 4, "unopened-bracket")]),
        ("app ()", [(1, 5, "empty-brackets")]),
        ('app "down now', [(1, 5, "unclosed-quote")]),
        ('""', [(1, 1, "nothing-to-find")]),
        ("app | down", [(1, 5, "nothing-to-find")]),
        ("app - down", [(1, 5, "nothing-to-find")]),
        ("http://example.com/x down", [(1, 1, "nothing-to-find")]),
        # wildcards
        ("a*", [(1, 1, "stem-too-short")]),
        ("de* a?*bc", [(1, 1, "stem-too-short"), (1, 5, "stem-too-short")]),
        ("*", [(1, 1, "star-needs-word")]),
        ('"app * down"', [(1, 6, "star-needs-word")]),
        ("*down ?down", [(1, 1, "star-at-start"), (1, 7, "star-at-start")]),
        ("abc*d*e*f*", [(1, 1, "too-many-stars")]),
        ("障*害", [(1, 2, "star-needs-word")]),
        ("ok?", [(1, 1, "stem-too-short")]),
        ("\U00016800a*", [(1, 3, "star-needs-word")]),
        # signs, exact words, regular expressions
        ("#tag*", [(1, 1, "bad-hashtag")]),
        ("@who*", [(1, 1, "bad-handle")]),
        ("$toolongtobecash", [(1, 1, "bad-cashtag")]),
        ("{BT", [(1, 1, "unclosed-exact")]),
        ("BT}", [(1, 3, "bad-exact")]),
        ("{}", [(1, 1, "bad-exact")]),
        ("{BT*}", [(1, 4, "bad-exact")]),
        ('"a } b"', [(1, 4, "bad-exact")]),
        ('"a b"~', [(1, 6, "bad-slop")]),
        ("/r/brand", [(1, 1, "unclosed-regex")]),
        ("//", [(1, 1, "unclosed-regex")]),
        ("app /a(b/", [(1, 7, "bad-regex")]),
        ("/a(?=b)/", [(1, 3, "bad-regex")]),
        ("/x*/", [(1, 2, "bad-regex")]),
        ("/éé[z/", [(1, 4, "bad-regex")]),
        (r"/(a)\1/", [(1, 5, "bad-regex")]),
        # NEAR
        ("a NEAR bb", [(1, 3, "near-without-number")]),
        ("a NEAR/x bb", [(1, 3, "near-without-number")]),
        ("a NEAR/5 -bb", [(1, 10, "near-operand")]),
        ("a NEAR/5 (b c)", [(1, 11, "near-operand")]),
        ("kind:post NEAR/5 b", [(1, 1, "near-operand")]),
        ('a NEAR/5 raw:"C++"', [(1, 10, "near-operand")]),
        ("(a OR kind:post) NEAR/5 /b/", [(1, 2, "near-operand"), (1, 25, "near-operand")]),
        # fields
        ("sorce:bluesky", [(1, 1, "unknown-field")]),
        ("sorce:(a OR b) x", [(1, 1, "unknown-field")]),
        ("kind:pst", [(1, 6, "unknown-value")]),
        ("kind:(post OR repply)", [(1, 15, "unknown-value")]),
        ("kind:po*", [(1, 6, "unknown-value")]),
        ("kind:", [(1, 1, "no-value")]),
        ("kind: post", [(1, 1, "no-value")]),
        ("kind:()", [(1, 1, "no-value")]),
        ('author:""', [(1, 8, "no-value")]),
        ("author:\u200b", [(1, 8, "no-value")]),
        ("link:https://www.", [(1, 6, "no-value")]),
        ("raw: list: query:", [(1, 1, "no-value"), (1, 6, "no-value"), (1, 12, "no-value")]),
        ("kind:(post", [(1, 6, "unclosed-bracket")]),
        ("lang:(en de)", [(1, 10, "value-list")]),
        ("kind:(NOT post)", [(1, 7, "value-list")]),
        ("kind:(post AND reply)", [(1, 12, "value-list")]),
        ("list:(a OR b)", [(1, 6, "value-list")]),
        ("lang:-en", [(1, 6, "negated-value")]),
        ("lang:[a TO b]", [(1, 6, "bad-range")]),
        ("[1 TO 5]", [(1, 1, "bad-range")]),
        ("domain:http://[x", [(1, 8, "bad-domain")]),
        ("domain:a_b!c", [(1, 8, "bad-domain")]),
        ("followers:x", [(1, 11, "bad-number")]),
        ("followers:[1 TO 5x]", [(1, 17, "bad-number")]),
        (f"followers:{'9' * 400}", [(1, 11, "bad-number")]),
        ("followers:>", [(1, 11, "no-value")]),
        ("followers:[5 TO 1]", [(1, 11, "bad-range")]),
        ("followers:[5]", [(1, 11, "bad-range")]),
        ("followers:[* TO *]", [(1, 11, "bad-range")]),
        ("followers:[1 TO 5", [(1, 11, "unclosed-bracket")]),
        ("tone:bad", [(1, 6, "unknown-value")]),
        ("priority:>=hih", [(1, 12, "unknown-value")]),
        ("priority:[urgent TO low]", [(1, 10, "bad-range")]),
        ("age:2h", [(1, 5, "bad-age")]),
        ("age:<2x", [(1, 6, "bad-age")]),
        ("time:2026-02-30", [(1, 6, "bad-time")]),
        ("time:0001-01-01", [(1, 6, "bad-time")]),
        ("time:[2026-11-01 TO soon]", [(1, 21, "bad-time")]),
        ("time:now-2h", [(1, 6, "bad-time")]),
        ("time:2026-11-27T09:30+25:00", [(1, 6, "bad-time")]),
        ("time:[2026-11-07 TO 2026-11-01]", [(1, 6, "bad-range")]),
        ("time:[today TO yesterday]", [(1, 6, "bad-range")]),
        ("time:[now TO now-2h]", [(1, 6, "bad-range")]),
        ("time:[2026-11-01 TO 2026-11-07 Europe/Berln]", [(1, 32, "bad-zone")]),
        ("time:[today TO today Europe]", [(1, 22, "bad-zone")]),
        ("hour:25", [(1, 6, "bad-hour")]),
        ("hour:09:30", [(1, 6, "bad-hour")]),
        ("hour:<0", [(1, 6, "bad-range")]),
        ("hour:>23", [(1, 6, "bad-range")]),
        # names
        ("list:givaway", [(1, 1, "unknown-list")]),
        ("query:outge", [(1, 1, "unknown-query")]),
        ("author:list:vipp", [(1, 8, "unknown-list")]),
        ("x query:a", [(1, 3, "circular-name")]),
        ("query:self", [(1, 1, "circular-name")]),
        ("x OR query:broken", [(1, 6, "broken-name")]),
        ("query:nothing", [(1, 1, "broken-name")]),
        ("list:strange", [(1, 1, "broken-name")]),
        ("list:empty author:list:empty", [(1, 1, "broken-name"), (1, 19, "broken-name")]),
        ("followers:list:vip", [(1, 11, "broken-name")]),
        # several at once
        ("good\n  sorce:x\nAND", [(2, 3, "unknown-field"), (3, 1, "missing-operand")]),
        ('sorce:x AND ()\n"never', [(1, 1, "unknown-field"), (1, 13, "empty-brackets"), (2, 1, "unclosed-quote")]),
        ("a* OR (kind:x AND /[/", [(1, 1, "stem-too-short"), (1, 7, "unclosed-bracket"), (1, 13, "unknown-value"), (1, 20, "bad-regex")]),
    ],
)  # fmt: skip
def test_every_problem_at_its_place(text: str, places: list[tuple[int, int, str]]) -> None:
    parsed = parse(text, names=NAMES)
    assert parsed.tree is None
    assert codes(parsed) == places
    assert all(one.message and one.hint for one in parsed.problems)


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ('app "down AND late', (1, 5), "it should probably end behind 'down': add a \" at line 1, column 10"),
        ('"app down', (1, 1), "it should probably end behind 'app down': add a \" at line 1, column 10"),
        ('("app down) OR x', (1, 2), "it should probably end behind 'app down': add a \" at line 1, column 11"),
        ('"app\ndown', (1, 1), "it should probably end behind 'app': add a \" at line 1, column 5"),
        ('"app kind:post', (1, 1), "it should probably end behind 'app': add a \" at line 1, column 5"),
        ('"app -down', (1, 1), "it should probably end behind 'app': add a \" at line 1, column 5"),
        ('app "', (1, 5), "remove it"),
        # The quote that runs across an operator lacks its end, not the last one.
        ('x\n"app AND "now" OR y', (2, 1), "it should probably end behind 'app': add a \" at line 2, column 5"),
    ],
)
def test_a_quote_without_end_says_where_it_should_end(text: str, place: tuple[int, int], hint: str) -> None:
    found = parse(text).problems
    assert [(one.line, one.column, one.code, one.hint) for one in found] == [(*place, "unclosed-quote", hint)]


def test_a_quoted_operator_is_no_mistake() -> None:
    assert tree_of('"this AND that"') == '"this and that"'


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("sorce:bluesky", "did you mean source?"),
        ("kind:pst", "did you mean post?"),
        ("priority:>=hih", "did you mean high?"),
        ("list:givaway", "did you mean giveaway?"),
        ("time:[today TO today Europe/Berln]", "did you mean Europe/Berlin?"),
        ("hour:[9 TO 17 berlin]", "did you mean Europe/Berlin?"),
        ("followers:[5 TO 1]", "write [1 TO 5]"),
        ("lang:-en", "write -lang:en"),
        ("a NEAR/5 kind:post", "write (one NEAR/5 two) AND kind:post"),
        ("age:2h", "write age:<2h for younger, age:>2h for older"),
        ("app || down", "write OR"),
        ("query:broken", "did you mean source?"),
    ],
)
def test_hints_show_the_way(text: str, hint: str) -> None:
    assert [one.hint for one in parse(text, names=NAMES).problems] == [hint]


def test_problems_of_a_definition_are_one_problem_with_their_place() -> None:
    (told,) = parse("query:broken", names=NAMES).problems
    assert "there is no field sorce (line 1, column 1 of it) and 1 more" in told.message
    (told,) = parse("x query:a", names=NAMES).problems
    assert told.message == "this goes round in a circle: query:a uses query:b uses query:a"


def test_names_are_parts_with_their_own_text() -> None:
    assert tree_of("-list:giveaway") == '!list:giveaway=(giveaway | "win a prize" | #win | <deliver*> | {BT} | 🎁)'
    parsed = parse("x query:wide", names=NAMES)
    named = parsed.tree.parts[1]
    assert (named.start, named.end, named.text) == (2, 12, NAMES.queries["wide"])
    inner = named.part.parts[0]
    assert named.text[inner.start : inner.end] == "list:giveaway"
    assert [inner.text[one.start : one.end] for one in inner.part.parts] == list(NAMES.lists["giveaway"])


def test_a_definition_is_read_for_the_use_that_asks() -> None:
    assert parse("query:later", Use.VIEW, names=NAMES).problems == ()
    assert codes(parse("query:later", Use.TOPIC, names=NAMES)) == [(1, 1, "broken-name")]


def test_a_topic_cannot_ask_for_what_is_judged_later() -> None:
    assert [one.code for one in parse("app status:open", Use.TOPIC).problems] == ["field-not-here"]
    assert [one.code for one in parse("app tone:negative", Use.TOPIC).problems] == ["field-not-here"]
    assert [one.code for one in parse("app is:unread", Use.RULE).problems] == ["unknown-value"]
    assert parse("app tone:negative", Use.RULE).problems == ()
    assert {one.name for one in fields_for(Use.TOPIC)} < {one.name for one in fields_for(Use.VIEW)} == set(FIELDS)


@pytest.mark.parametrize("fact", FIELDS.values(), ids=lambda fact: fact.name)
def test_the_published_example_of_every_field_is_a_query(fact: FieldFact) -> None:
    for written in (f"app {fact.name}:{fact.example}", f"app -{fact.name}:({fact.example})"):
        for use in fact.uses:
            parsed = parse(written, use)
            assert (parsed.problems, parsed.warnings) == ((), ())
            part = parsed.tree.parts[1]
            field = part.part if isinstance(part, Not) else part
            assert field.name == fact.name
            assert field.values


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("app or down", [(5, "lower-case-operator")]),
        ("not app", [(1, "lower-case-operator")]),
        ("this and that", [(6, "lower-case-operator")]),
        ("this near/5 that", [(6, "lower-case-operator")]),
        ("this near that", [(6, "lower-case-operator")]),
        ("<<<x>>> app or <<<y>>> down", [(13, "lower-case-operator")]),
        ("app AND down OR refund", [(1, "mixed-operators")]),
        ("app down OR refund", [(1, "mixed-operators")]),
        ("refund OR app down", [(1, "mixed-operators")]),
        ("x (a OR b c)", [(4, "mixed-operators")]),
        ("NOT a OR b", [(1, "mixed-operators")]),
        ("(a OR b) c OR d", [(1, "mixed-operators")]),
        ("-a OR b", []),
        ("a OR NOT b", []),
        ("(NOT a) OR b", []),
        ("(app AND down) OR refund", []),
        ("a NEAR/5 b c", []),
        ("a NEAR/5 b OR c", []),
        ("a NEAR/5 b NEAR/3 c", [(3, "near-chain")]),
        ("(a NEAR/5 b) NEAR/3 c", []),
        ('"this and that"', []),
        ("and", []),
        ("what?", [(5, "question-mark")]),
        ("wh?t", []),
        ("障害*", [(3, "star-not-needed")]),
        ("{Google+}", [(8, "bad-exact")]),
        ('"app"~5', [(1, "slop-on-one-word")]),
    ],
)
def test_warnings_do_not_stop_a_query(text: str, places: list[tuple[int, str]]) -> None:
    parsed = parse(text)
    assert parsed.tree is not None
    assert [(one.column, one.code) for one in parsed.warnings] == places
    assert all(one.message and one.hint for one in parsed.warnings)


# Limits --------------------------------------------------------------------------------------------------------------


def test_limits() -> None:
    assert [one.code for one in parse("a" * (MAX_LENGTH + 1)).problems] == ["too-long"]
    assert parse("a" * MAX_LENGTH).tree is not None
    assert [one.code for one in parse("a " * (MAX_TERMS + 1)).problems] == ["too-many-terms"]
    assert parse("a " * MAX_TERMS).tree is not None
    deep = "(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1)
    assert [one.code for one in parse(deep).problems] == ["too-deep"]
    assert parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH).tree is not None
    assert parse("(a) " * (MAX_DEPTH + 1)).tree is not None
    assert parse("(" * 1900).tree is None
    assert parse("NOT " * 1900 + "a").tree is not None
    assert [one.code for one in parse("/a/ " * (MAX_REGEXES + 1)).problems] == ["too-many-regexes"]


def test_no_tree_is_too_high_to_walk() -> None:
    assert [one.code for one in parse("a" + " NEAR/1 a" * (MAX_HEIGHT + 10)).problems] == ["too-deep"]
    for links, fine in ((MAX_HEIGHT - 1, True), (MAX_HEIGHT, False)):
        assert (parse("a" + " NEAR/1 a" * links).tree is not None) is fine
    high = parse("-(a " * MAX_DEPTH + "b" + ")" * MAX_DEPTH)
    assert high.tree is not None
    assert match(high.tree, Subject(text="a b"), NOW).hit in {True, False}


def test_names_cannot_grow_without_end() -> None:
    doubling = {f"q{n}": f"query:q{n - 1} query:q{n - 1} x{n}" for n in range(1, 30)} | {"q0": "a b c"}
    started = time.perf_counter()
    assert [one.code for one in parse("query:q29", names=Names(queries=doubling)).problems] == ["broken-name"]
    chain = {f"q{n}": f"query:q{n - 1} x" for n in range(1, 500)} | {"q0": "a"}
    assert [one.code for one in parse("query:q499", names=Names(queries=chain)).problems] == ["broken-name"]
    assert parse("query:q20", names=Names(queries=chain)).tree is not None
    for depth, fine in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False)):
        assert (parse(f"query:q{depth - 1}", names=Names(queries=chain)).tree is not None) is fine
    big = Names(lists={"big": tuple(f"w{n}" for n in range(MAX_SIZE // 2 - 10))})
    assert parse("list:big OR list:big", names=big).tree is not None
    assert [one.code for one in parse("list:big list:big list:big", names=big).problems] == ["too-many-terms"]
    assert time.perf_counter() - started < 5


def test_the_size_of_a_query_is_that_of_all_its_names_written_out() -> None:
    """Its own pieces, those of named queries, and the entries of lists: the limit itself is fine, and one more is told once."""
    for more, codes in ((0, []), (1, ["too-many-terms"])):
        lists = {
            "half": tuple(f"w{n}" for n in range(MAX_SIZE // 2)),
            "rest": tuple(f"x{n}" for n in range(MAX_SIZE // 2 - 8 + more)),
        }
        names = Names(lists=lists, queries={"both": "list:half OR a OR b"})
        assert [one.code for one in parse("query:both OR list:rest", names=names).problems] == codes
        assert [
            one.code for one in parse("list:rest OR query:both OR list:half OR list:half", names=names).problems
        ] == ["too-many-terms"]


@pytest.mark.parametrize(
    "piece",
    ["/a ", "<<<", "[ TO", '"', " ", "( ", "kind:(", "{", "a\"b ", "/(", "list:", "“ AND ", "a* ", "時*", "[", "\\",
     "/a/b/c", "x:", "time:[today TO "],
)  # fmt: skip
def test_the_worst_text_is_answered_in_time(piece: str) -> None:
    text = (piece * MAX_LENGTH)[:MAX_LENGTH]
    started = time.perf_counter()
    parse(text)
    assert time.perf_counter() - started < 5


# Regular expressions -------------------------------------------------------------------------------------------------


@given(st.text(alphabet="aeé😀\ud800 b", max_size=30))
@example("é" * 5 + "\ud800a😀a")
def test_spans_of_a_regex_count_code_points(text: str) -> None:
    spans = compile_regex("A+").spans(text)
    assert all(set(text[start:end]) == {"a"} for start, end in spans)
    assert sum(end - start for start, end in spans) == text.count("a")
    assert compile_regex("A+").is_match(text) == ("a" in text)


@given(st.text(max_size=40) | st.text(alphabet="()[]{}*+?\\|a^$.-0,<>P=!\n\ud800é", max_size=30))
def test_any_pattern_compiles_or_has_a_fault_inside(pattern: str) -> None:
    fault = fault_of(pattern)
    if fault is None:
        compile_regex(pattern).spans(pattern)
    else:
        assert all((fault.message, fault.hint))
        assert 0 <= fault.at <= len(pattern)
        with pytest.raises(ValueError, match=r".+"):
            compile_regex(pattern)


def test_patterns_that_are_refused() -> None:
    assert fault_of("a" * MAX_PATTERN) is None
    assert fault_of("a" * (MAX_PATTERN + 1)).at == MAX_PATTERN
    assert "every text" in fault_of("x*").message
    assert "too big" in fault_of(r"\w{100}" * 9).message
    assert fault_of("a\nbc(\nd").at == 4
    assert compile_regex("(?-i)A").spans("aA") == [(1, 2)]
    assert compile_regex(r"\b").spans("a b") == []


# Whatever is written -------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *("a", "bb", "AND", "OR", "NOT", "NEAR/5", "NEAR/2f", "NEAR", "-", "(", ")", '"', "“", "and", "near/5"),
        *("kind:", "kind:post", "x:y", "is:(", "#t", "@h", "$C", "b*", "*", "?", "bil?s*", "😀", "❤️", "~2", "{", "}", "{BT}"),
        *("/", "/a/", "/[/", "[", "]", " TO ", "followers:", ">5", "<", ">=", "5k", "age:<2h", "time:", "today", "2026-11-01"),
        *("hour:[9 TO 17]", "Europe/Berlin", "list:", "giveaway", "list:strange", "query:outage", "query:a", "author:list:vip"),
        *("<<<", ">>>", "raw:", ",", "link:", "domain:", "root:", "priority:", "tone:", "\n", "障", "\0", "\ud800", ":", "\\"),
        *("\U00016800", "\ufe0f", "\u20e3", "\u200b", "http://x"),
    ]
)  # fmt: skip


def check_whole(text: str, use: Use) -> None:
    """What holds for every text."""
    parsed = parse(text, use, names=NAMES)
    assert (parsed.tree is None) == bool(parsed.problems)
    lines = text.split("\n")
    for one in (*parsed.problems, *parsed.warnings):
        assert 1 <= one.line <= len(lines)
        assert 1 <= one.column <= len(lines[one.line - 1]) + 1
        assert all((one.message, one.hint, one.file == "query"))
    if parsed.tree is not None:
        check_places(parsed.tree, text)
        for now in (NOW, NOW + timedelta(days=365)):
            found = match(parsed.tree, Subject(text="a bb 障 #t @h $C 😀 bills", at=NOW, followers=5), now)
            assert len(found.spans) % 2 == 0


def check_places(tree: Node, text: str) -> None:
    """Every part stands in its text, and inside of the part above it."""
    assert 0 <= tree.start <= tree.end <= len(text)
    if isinstance(tree, Named):
        check_places(tree.part, tree.text)
        return
    for part in parts_of(tree):
        assert tree.start <= part.start < part.end <= tree.end
        check_places(part, text)


@given(st.lists(PIECES, max_size=30), st.sampled_from(list(Use)), st.booleans())
def test_any_text_is_answered(pieces: list[str], use: Use, glued: bool) -> None:
    check_whole(("" if glued else " ").join(pieces), use)


@given(st.text(max_size=200), st.sampled_from(list(Use)))
def test_any_characters_are_answered(text: str, use: Use) -> None:
    check_whole(text, use)


@given(st.sampled_from(sorted(FIELDS)), st.text(max_size=20) | st.lists(PIECES, max_size=6).map(" ".join))
def test_any_value_of_any_field_is_answered(name: str, value: str) -> None:
    for written in (value, f"[{value}]", f'"{value}"', f"({value})", f">{value}"):
        check_whole(f"{name}:{written}", Use.VIEW)


@given(st.lists(PIECES, max_size=20).map(" ".join), st.lists(PIECES, max_size=10).map(" ".join))
def test_any_definition_is_answered(one: str, other: str) -> None:
    names = Names({"giveaway": (one, other)}, {"outage": one, "a": other})
    for text in ("list:giveaway", "query:outage OR query:a", "author:list:giveaway"):
        parsed = parse(text, names=names)
        assert (parsed.tree is None) == bool(parsed.problems)
        assert all(one.line == 1 and one.column <= len(text) + 1 for one in parsed.problems)


@given(st.lists(PIECES, max_size=30), st.booleans())
def test_the_pieces_cover_the_text(pieces: list[str], glued: bool) -> None:
    """What a formatter stands on: pieces in order, and only spaces between them."""
    text = ("" if glued else " ").join(pieces)
    found = cut(text, Use.VIEW, Told("query", locator(text)), NAMES)
    at = 0
    for piece in found:
        assert at <= piece.start < piece.end
        assert text[at : piece.start].strip() == ""
        at = piece.end
    assert text[at:].strip() == ""


def test_comments_are_pieces() -> None:
    text = "a <<<why>>> OR b"
    found = cut(text, Use.VIEW, Told("query", locator(text)))
    assert [(one.sort, text[one.start : one.end]) for one in found] == [
        (Sort.TERM, "a"),
        (Sort.COMMENT, "<<<why>>>"),
        (Sort.OR, "OR"),
        (Sort.TERM, "b"),
    ]


@given(st.text(alphabet="abc déé😀障", min_size=1, max_size=30))
def test_what_is_quoted_matches_itself(text: str) -> None:
    parsed = parse(f'"{text}"')
    if parsed.tree is not None:
        assert match(parsed.tree, Subject(text=text), NOW).hit
        assert not any(quote in text for quote in QUOTES)
        assert all(isinstance(one, Word | Phrase) for one in walk(parsed.tree))
