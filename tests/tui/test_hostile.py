"""Text from outside cannot move the terminal's cursor, colour it, forge a link or reorder a line: on every screen, in every field."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual import events

from inbox_tui.backend import Named
from inbox_tui.view import marks, queries, queue, replies, rules, saved, thread, whys
from inbox_tui.view.lines import STYLES, Line, flow, typed
from inbox_tui.widgets.dialogs import Pick
from inbox_tui.widgets.explaining import Explaining
from inbox_tui.widgets.fields import Field
from inbox_tui.widgets.searching import QueryField, Searching
from listener.errors import Refused
from listener.model.leaving import OutboxState
from listener.model.problems import Problem
from listener.query.names import Names
from listener.rulebook.guide import Guide, Word
from listener.rulebook.replies import SavedReply
from listener.store.views.listening import ListeningRow, TopicCount
from listener.store.views.notes import Note
from listener.store.views.queue import SavedView
from listener.store.views.thread import HistoryLine, Opened, OutboxRow
from tests.tui.fake import FakeBackend, message
from tests.tui.stage import SMALL, WIDE, Stage, stage

HOSTILE = {
    "colour": "\x1b[31;1mred\x1b[0m",
    "cursor": "\x1b[2J\x1b[H\x1b[999Dmoved",
    "c1 csi": "\x9b31mc1\x9bH",
    "osc 8": "\x1b]8;;https://evil.example/\x1b\\click\x1b]8;;\x1b\\",
    "osc 52": "\x1b]52;c;ZXZpbA==\x07copied",
    "c1 osc": "\x9d8;;https://evil.example/\x9cc1 link\x9d8;;\x9c",
    "title": "\x1b]0;pwned\x07",
    "dcs": "\x1bP+q544e\x1b\\\x90q\x9c",
    "returns": "first\rsecond\x08\x08\x08\x7f\x0b\x0c\x85next",
    "nul": "a\x00b\x00",
    "bidi": "abc\u202edcba\u202c \u2066x\u2069 \u200f\u200e\u061c",
    "zero width": "z\u200be\u200cr\ufeffo\u2060w\u180eidth\u00ad",
    "tags": "flag\U000e0041\U000e0042\U000e007f",
    "separators": "one\u2028two\u2029three",
    "markup": "[bold red]no[/] [@click=app.bell]x[/] [link=https://evil.example]y[/link] \\[z] $foreground",
    "grapheme": "e" + "\u0301" * 3000 + "!",
    "zwj tower": "👩" + "\u200d👩" * 200,
    "surrogates": "lone \ud83d and \udc00 and \udfff",
    "not characters": "\ufffe\uffff\U0010ffff\ue000",
    "long word": "w" * 5000,
    "wide": "宽" * 300,
    "interlinear": "\ufff9anchor\ufffabase\ufffb",
    "tabs": "a\tb\tc",
    "rtl": "שלום לכולם مرحبا",
}


def hostile_backend(text: str) -> FakeBackend:
    """A world in which everything that can come from outside says this."""
    backend = FakeBackend(3, topics=(text,) if text else ())
    backend.brand = "Larkspur " + text
    backend.me = replace(backend.me, name="Ana " + text)
    backend.staff = [backend.me, replace(backend.staff[1], name="Bo " + text, login=text)]
    talk = backend.talk(1)
    flagged = {"rule": text, "spans": [0, max(1, len(text) - 1)]}
    talk.handle, talk.name, talk.bio, talk.author_status, talk.source = text, text, text, text, text
    talk.account_handle = text
    talk.thread = [
        message(1, text, backend.clock(), text, author_name=text, mine=False, lang=text, author_status=text),
        message(2, text, backend.clock(), text, author_name=text, ours=True, url="javascript:" + text),
        message(
            3,
            text,
            backend.clock(),
            text,
            author_name=text,
            author_status=text,
            lang=text,
            version=2,
            flags=(flagged,),
            url="https://x.test/" + text,
        ),
    ]
    talk.versions[3] = [(1, text, backend.clock()), (2, text, backend.clock())]
    talk.because = (
        {"rule": text, "title": text, "then": [text, {text: text}], "spans": [0, 3]},
        {"rule": text, "title": text, "then": [text], "spans": [0, 3], "shadow": True},
        {"signal": text, "value": text},
        {"signal": "x", "value": 0.5},
    )
    talk.notes = [Note(1, text, text, backend.clock())]
    talk.history = [
        HistoryLine(1, backend.clock(), text, text, text, {text: text}, {text: text}),
        HistoryLine(
            2, backend.clock(), "act.tag", text, text, {"tags": [text]}, {"tags": [text + "2"], "snoozed_until": text}
        ),
        HistoryLine(3, backend.clock(), "act.snooze", text, text, {}, {"snoozed_until": text}),
        HistoryLine(4, backend.clock(), "act.assign", text, text, {}, {"team": text}),
    ]
    now = backend.clock()
    talk.replies = [
        OutboxRow(i, i, 1, state, text, text, text, False, text, 2, now, now, now, text, text, text, 1)
        for i, state in enumerate(OutboxState, start=50)
    ]
    talk.replies = [replace(row, external_id=f"none {row.id}") for row in talk.replies]
    talk.conversation = replace(talk.conversation, tags=(text, "x" + text), team=text, assignee_id=2)
    talk.drafts[1] = (text, 1)
    backend.kept = [SavedView(1, text, "waiting", True), SavedView(2, text, text + " nosuch:x", False)]
    backend.names = Names({text: (text,), "plain": (text,)}, {text: text})
    backend.flags = {id_: [Named(text, text), Named("x" + text, text, shadow=True)] for id_ in range(1, 4)}
    backend.marked = [
        marks.Marked(id_, text, person, text, verdict, text, now)
        for id_ in range(1, 4)
        for person, verdict in ((1, marks.MISSED), (2, text), (3, marks.RIGHT))
    ]
    backend.speaks = hostile_voice(text)
    backend.rules_state = hostile_rules(text, now)
    backend.whys = {(id_, today): hostile_why(text, now, today) for id_ in range(1, 4) for today in (False, True)}
    for n in range(3):
        backend.mention(text, text, handle=text, ago=n, author_name=text, source=text, lang=text, rules=(text, text))
    return backend


def hostile_voice(text: str) -> saved.Voice:
    """A style guide and a saved reply that say this, in every field; the draft says it too."""
    word = Word(text, text, text)
    other = Word("other " + text, text)
    guide = Guide(
        (text,), (other,), (word,), text, text, 0, frozenset({text}), 10, frozenset({text}), hard=frozenset({"banned"})
    )
    reply = SavedReply(
        text, text, text + " {author} {agent} {brand}", text, (("x", text),), text, tags=(text,), team=text
    )
    return saved.Voice(guide, (reply,), text)


def voice_lines(opened: Opened, text: str) -> Iterator[Line]:
    """What is said of a draft, and the saved replies."""
    parent = opened.thread[-1]
    look = saved.Look(hostile_voice(text), opened, parent, saved.values(parent, text, text))
    draft = typed(text) + " {author} 0301234567 @x.test"
    found = [*look.styled(draft), *look.private(draft)]
    for one in found:
        yield saved.finding_line(one, draft, asks=True)
    yield ((saved.stopped(found), ""),)
    yield ((saved.public_question(look.private(draft)), ""),)
    for offer in look.offers():
        yield offer.line
        yield from flow(((offer.text, ""),), 40)


def hostile_rules(text: str, now: datetime) -> rules.RulesNow:
    """A rulebook in which everything says this: a lead may have pasted it, a problem repeats it."""
    problem = Problem(text, 1, 1, text, text, text)
    row = rules.RuleRow(
        text, text, text, text, text, 1, (text, "  " + text), (text,), (text,), (text,), (problem,), (problem,), 1, 2, 3, 4, 5, 6, 7.0, now,
    )  # fmt: skip
    others = [replace(row, id=f"{text}{status}", status=status) for status in ("stable", "experimental", "deprecated")]
    return rules.RulesNow(text, text, now, now, (problem, problem), problem, (row, *others), 3)


def hostile_why(text: str, now: datetime, today: bool) -> whys.Explanation:
    """Why, by such rules, for such a message."""
    branches = (whys.Branch(0, text, True, (0, 2, 1, 3)), whys.Branch(1, text, False))
    parts = (whys.Part(text, True, text, branches), whys.Part(text, False, text, (whys.Branch(0, text, False),)))
    one = whys.RuleWhy(text, text, True, False, (*parts, whys.Part(text, True, text)), (text,), ((text, text),))
    several = (one, replace(one, shadow=True), replace(one, fires=False), replace(one, fires=False, parts=parts[1:]))
    return whys.Explanation(text, now, text, today, True, several, (text,), ((text, text),), (text,))


def check(s: Stage, where: str) -> None:
    """Every cell on the screen: no control, no format character that reorders or hides, no link, no style but our own."""
    width, height = s.app.size
    strips = s.app.screen._compositor.render_strips()
    assert len(strips) == height
    for y, strip in enumerate(strips):
        assert strip.cell_length == width, f"{where}, line {y}: {strip.cell_length} cells"
        for segment in strip:
            assert segment.control is None
            if segment.style is not None:
                assert segment.style.link is None, f"{where}, line {y}: a link"
                assert "@click" not in segment.style.meta, f"{where}, line {y}: an action"
                assert not segment.style.blink
            for character in segment.text:
                assert harmless_character(character), f"{where}, line {y}: U+{ord(character):04X} in {segment.text!r}"


_SEEN = frozenset("\u200d\u200c\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd") | {
    chr(at) for at in (*range(0x600, 0x606), *range(0x13430, 0x13440))
}
"""Format characters that join letters, or that are signs themselves: before numbers of Arabic, Syriac and Kaithi, and among hieroglyphs."""


@cache
def harmless_character(character: str) -> bool:
    """Whether a terminal draws it, and nothing else."""
    category = unicodedata.category(character)
    return category not in ("Cc", "Cs", "Zl", "Zp") and (category != "Cf" or character in _SEEN)


def every_line(text: str, width: int) -> Iterator[Line]:
    """Every line that the view can make of a world that says this."""
    backend = hostile_backend(text)
    now = backend.clock()
    opened = asyncio.run(backend.open(1, now))
    assert opened is not None
    reader = thread.Reader(now, UTC, 1, {2: text}, width, history=True)
    row = backend._as_row(backend.talk(1))
    for left in (False, True):
        yield from queue.queue_lines(row, width, now, 1, marked=left, left=left)
        yield from queue.queue_line(row, width, now, 1, marked=left, left=left)
    mention = backend.mentions[text][0]
    yield from queue.listening_lines(mention, width, now, fresh=True)
    yield from thread.mention_lines(mention, reader)
    yield from thread.head_lines(opened, reader)
    yield from thread.thread_lines(opened, reader)
    yield from thread.versions_lines(backend.talk(1).versions[3], reader)
    yield queue.topic_line(TopicCount(text, 5, 2), width)
    for view in backend.kept:
        yield queue.view_line(view, width)
        for at in (0, len(view.query) // 2, len(view.query)):
            yield from queries.pointed(view.query, at, width)
    told = queries.QueryProblem(1, text, text)
    yield from queries.told_lines(queries.Checked((told, told), (told,)), width)
    yield from rule_lines(backend, text, width)
    yield from thread.thread_lines(opened, reader, {3: backend.marked})
    yield from thread.mention_lines(mention, reader, backend.marked)
    yield from voice_lines(opened, text)
    earlier = replace(opened, thread=opened.thread[:1], replies=())
    yield from [((said, ""),) for said in replies.changed_since(earlier, opened, 1, now)]
    for reply in opened.replies:
        yield (replies.outbox_words(reply, now),)


def rule_lines(backend: FakeBackend, text: str, width: int) -> Iterator[Line]:
    """Lines of rules, of why, and of what people say of them."""
    now, state = backend.clock(), backend.rules_state
    yield from rules.health_lines(state, now, UTC, width)
    yield from rules.health_lines(replace(state, hash="", problems=()), now, UTC, width)
    yield rules.banner(rules.Refused(state.problems, now), now, UTC)
    for row in state.rules:
        yield from rules.rule_lines(row, width, now)
        yield from rules.rule_line(row, width, now)
        for hits in (None, (), backend.mentions[text]):
            yield from rules.rule_page(row, hits, now, width)
    told = backend.whys[1, False]
    for one in (told, replace(told, today=True), replace(told, by=""), replace(told, text=None)):
        for wanted in ("", text, "nothing is called so"):
            yield from whys.why_lines(one, wanted, now, UTC, width)
    for verdict in (marks.FALSE_ALARM, marks.MISSED, marks.RIGHT):
        yield ((marks.noted(text, verdict), ""),)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("width", [5, 31, 60, 120])
def test_no_line_of_the_view_carries_it(name: str, width: int) -> None:
    for line in every_line(HOSTILE[name], width):
        for piece, style in line:
            assert style in ("", *STYLES)
            assert all(map(harmless_character, piece)), f"{piece!r}"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet=st.characters(), max_size=60), st.integers(4, 100))
def test_no_text_at_all_gets_through(text: str, width: int) -> None:
    for line in every_line(text or "x", width):
        for piece, _ in line:
            assert all(map(harmless_character, piece)), f"{piece!r}"


@pytest.mark.parametrize(("name", "size"), [("all", WIDE), ("osc 8", SMALL), ("zwj tower", SMALL), ("markup", WIDE)])
async def test_on_every_screen(name: str, size: tuple[int, int]) -> None:
    text = HOSTILE.get(name) or " ".join(HOSTILE.values())
    async with stage(hostile_backend(text), size=size) as s:
        await s.settle()
        check(s, "queue")
        await s.press("enter", "h")
        await s.until(lambda: s.app.place.opened is not None, "it is open")
        await s.settle()
        check(s, "conversation and history")
        await s.press("g")
        check(s, "conversation, top")
        await s.press("V")
        check(s, "versions")
        await s.press("escape", "a")
        check(s, "people")
        await s.press("escape", "x")
        check(s, "a reply to settle")
        await s.press("escape", "t")
        s.app.screen.query_one(Field).value = ""
        s.app.screen.query_one(Field).post_message(events.Paste(text))
        await s.settle()
        check(s, "tags, pasted")
        await s.press("escape", "r")
        check(s, "a colleague has answered, or the composer")
        if not s.app.place.composer.is_open:
            await s.press("w")
        assert s.app.place.composer.is_open
        await s.until(lambda: s.app.place.composer.knows, "the style guide and the saved replies")
        check(s, "composer with the draft")
        await s.press("ctrl+r")
        await s.until(lambda: isinstance(s.app.screen, Pick), "the saved replies")
        await s.settle()
        check(s, "saved replies")
        await s.press("enter")
        check(s, "composer with a saved reply")
        s.app.place.composer.query_one("#composer-text").focus()
        s.app.focused.post_message(events.Paste(text))
        await s.settle()
        check(s, "composer, pasted")
        await s.press("ctrl+x")
        s.backend.say(1, text, handle=text)
        s.app.place.say_fault(Refused(s.app.place.title_pieces()[0][0]))
        await s.press("escape", "m")
        check(s, "compact, after news")
        await views_and_search(s, text)
        await s.press("l")
        await s.until(lambda: s.app.place.place == "listening" and s.app.place.rows.loaded, "listening")
        await s.settle()
        check(s, "listening")
        await s.press("enter")
        check(s, "one mention")
        await rules_and_whys(s, text)


async def rules_and_whys(s: Stage, text: str) -> None:
    """The panel that says why, marks, and the rules, of a world that says this."""
    await s.press("W")
    await s.until(lambda: isinstance(s.app.screen, Explaining) and s.app.focused is not None, "the panel")
    for key in ("pagedown", "ctrl+t", "pageup"):
        await s.settle()
        check(s, f"why, before {key}")
        await s.press(key)
    s.app.focused.post_message(events.Paste(text))
    await s.settle()
    check(s, "why, pasted")
    await s.press("escape")
    for key, what in (("F", "which rule was wrong"), ("M", "which rule should have fired")):
        await s.press(key)
        await s.until(lambda: isinstance(s.app.screen, Pick), what)
        check(s, what)
        await s.press("enter")
        check(s, f"after {what}")
        await s.press("escape")
        check(s, f"said after {what}")
    await s.press("R")
    await s.until(lambda: s.app.place.place == "rules" and s.app.place.rows.loaded, "the rules")
    for key in ("m", "s", "enter", "G", "y"):
        await s.settle()
        check(s, f"rules, before {key}")
        await s.press(key)
    check(s, "rules, the text copied")


async def views_and_search(s: Stage, text: str) -> None:
    """Kept views and the search box of a world that says this."""
    await s.press("f")
    check(s, "views among the folders")
    await s.app.place.show_view(s.backend.kept[0])
    await s.settle()
    check(s, "a view")
    await s.app.place.show_view(s.backend.kept[1])
    await s.settle()
    check(s, "a view that cannot be read")
    await s.press("escape", "D")
    check(s, "a view to delete")
    await s.press("escape", "slash")
    await s.until(lambda: isinstance(s.app.screen, Searching) and s.app.focused is not None, "the search box")
    for before in ("", "tag:", "list:", "query:", "list:plain", '"', "nosuch:"):
        field = s.app.screen.query_one(QueryField)
        field.value = before
        field.cursor_position = len(before)
        await s.settle()
        check(s, f"search box, after {before!r}")
        await s.press("tab")
        check(s, f"search box, an offer taken after {before!r}")
        field.post_message(events.Paste(text))
        await s.settle()
        check(s, f"search box, pasted after {before!r}")
        await s.press("left", "home", "left")
        check(s, f"search box, begun after {before!r}")
    await s.press("escape")


def test_the_corpus_reaches_every_text_field() -> None:
    """A field that is added to a view must be added to the world above: text fields that stay harmless there are listed here."""
    text = "\x1bX"
    backend = hostile_backend(text)
    own = {"external_id", "parent", "url", "code"}
    seen: list[Any] = [
        backend.talk(1).thread[2],
        backend.mentions[text][0],
        backend.talk(1).replies[0],
        backend.talk(1).notes[0],
        backend.rules_state,
        backend.rules_state.rules[0],
        backend.whys[1, False],
        *backend.whys[1, False].rules,
        backend.marked[1],
    ]
    for thing in seen:
        for field in fields(thing):
            value = getattr(thing, field.name)
            if isinstance(value, str) and type(value) is str and field.name not in own:
                assert text in value, f"{type(thing).__name__}.{field.name} is not hostile here"
    assert isinstance(backend.mentions[text][0], ListeningRow)


def test_every_style_of_a_piece_has_a_look() -> None:
    from textual.app import App

    from inbox_tui.widgets.drawing import palette

    assert set(palette(App()).pieces) == {"", *STYLES}
