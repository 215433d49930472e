"""The rooms beside the list, the thread and the search box, in a world where everything that can come from outside is hostile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual import events
from textual.command import CommandPalette

from inbox_tui.keyboard import give_keys
from inbox_tui.view.staff import Colleague
from listener.model.accounts import Capability
from listener.model.leaving import ApprovalState, Doing, OutboxState
from listener.rulebook.macros import Macro
from listener.store.views.answers import Answered
from listener.store.views.approvals import ApprovalRow, AttachedRow
from listener.store.views.authors import Mute, PastRow
from listener.store.views.notes import Note, NoteToMe
from listener.store.views.posts import CommentRow, PostShown
from listener.store.views.staff import Present, Shift
from listener.store.views.thread import ActRow
from tests.tui.fake import FakeBackend
from tests.tui.filled import each, filled
from tests.tui.stage import WIDE, Stage, stage
from tests.tui.test_hostile import HOSTILE, check, hostile_backend

ALL = " ".join(one[:24] for one in HOSTILE.values())


def furnished(text: str) -> FakeBackend:
    """The hostile world, with something in every room."""
    backend = hostile_backend(text)
    now = backend.clock()
    backend.can = {**dict.fromkeys(Capability, ""), Capability.HIDE: text, Capability.PRIVATE_REPLY: text}
    backend.network = [
        filled(ActRow, text, id=900 + 10 * n + m, conversation_id=1, mention_id=1 + n % 3, author_id=1, what=what, state=state)
        for n, what in enumerate(Doing)
        for m, state in enumerate((OutboxState.FAILED, OutboxState.UNKNOWN, OutboxState.ACCEPTED))
    ]  # fmt: skip
    thread = backend.talk(1).conversation.thread_version
    backend.approves = True
    backend.submitted[1] = [
        filled(ApprovalRow, text, id=n, conversation_id=1, parent_id=3, person_id=2, state=state, fence=thread)
        for n, state in enumerate((ApprovalState.CHANGED, ApprovalState.REJECTED, ApprovalState.WAITING), start=1)
    ]
    backend.mutes = {1: Mute(text, now)}
    backend.notes_on = {1: [Note(1, text, text, now)]}
    backend.pasts = {1: [filled(PastRow, text, id=2)]}
    comments = [*each(CommentRow, text)]
    backend.threads = dict.fromkeys((1, 2, 3), comments)
    shown = filled(PostShown, text)
    backend.post_says = {
        name: getattr(shown, name) for name in ("source", "author_handle", "author_name", "text", "url")
    }
    backend.families = {1: 1, 2: 1}
    backend.notes_to_me = [filled(NoteToMe, text, note_id=n, conversation_id=n) for n in (1, 2, 3)]
    backend.others = [
        Present(1, 2, text, True, now.replace(year=2030)),
        Present(1, 3, text, False, now.replace(year=2030)),
    ]
    backend.team = {n: Colleague(n, frozenset({text}), True, now.replace(year=2030), True, True) for n in (1, 2, 3)}
    backend.write(2, f"{text} #1 #2")
    rows = {id_: backend._as_row(backend.talk(id_)) for id_ in (1, 2)}
    backend.done = Shift(now, closed=(1, 2), open=tuple(rows.values()), drafts=(1,), rows=rows)
    backend.has_macros = [filled(Macro, text, assign="me"), filled(Macro, text, key="x", assign=text)]
    backend.like = (filled(Answered, text), filled(Answered, text, private=False, closed=False, after=None))
    backend._pictures = tuple((1, filled(AttachedRow, text, id=n)) for n in (1, 2, 3))
    return backend


async def home(s: Stage) -> None:
    """Back to the list, whatever is open."""
    for _ in range(8):
        await s.settle()
        place: Any = s.app.place
        if s.app.screen is s.app.place and not place.composer.is_open and not place.reading:
            return
        await s.press("escape")
    raise AssertionError("esc does not lead back:\n" + s.text())


ROOMS = {
    "at": ("down",),
    "A": ("tab", "n", "escape", "U"),
    "P": ("tab", "down"),
    "equals_sign": (),
    "L": ("down",),
    "H": (),
    "X": (),
    "K": (),
    "I": (),
    "O": (),
    "T": ("w",),
    "comma": ("down", "enter"),
    "y": (),
    "b": (),
    "U": (),
    "exclamation_mark": (),
    "x": ("enter",),
    "n": (),
    "0": (),
    "apostrophe": (),
    "question_mark": ("pagedown",),
    "asterisk": ("e",),
}
"""Keys from the list, and those that follow there."""


async def test_in_every_room(tmp_path: Path) -> None:
    text, seen = ALL, set[str]()
    async with stage(furnished(text), size=WIDE) as s:
        await s.settle()
        check(s, "the list, with folds, colleagues, notes and a hand-over")
        for key, more in ROOMS.items():
            for pressed in (key, *more):
                await s.press(pressed)
                check(s, f"{key}, then {pressed}")
                seen.add(type(s.app.screen).__name__)
                if pressed in ("n", "w"):
                    s.app.focused.post_message(events.Paste(text))
                    await s.settle()
                    check(s, f"{key}, then {pressed}, pasted")
            await home(s)
            check(s, f"after {key}")
        await composing(s, text)
        await keys_of_a_hostile_file(s, text, tmp_path)
    assert seen >= {
        "AuthorCard",
        "PostView",
        "PickMacro",
        "Jumping",
        "Reading",
        "Writing",
        "Write",
        "Sheet",
        "Ask",
        "Pick",
    }


async def composing(s: Stage, text: str) -> None:
    """What helps to write, all of it hostile."""
    await s.press("r")
    for _ in range(3):
        if not s.app.place.composer.is_open:
            check(s, "a question before the composer")
            await s.press("w")
    assert s.app.place.composer.is_open, s.text()
    await s.until(lambda: s.app.place.composer.knows, "what is known of drafts")
    for key in ("ctrl+l", "ctrl+f", "ctrl+g", "ctrl+t", "ctrl+s"):
        await s.press(key)
        check(s, f"composer, {key}")
        if s.app.screen is not s.app.place:
            await s.press("down")
            check(s, f"composer, {key}, down")
            await s.press("escape")
    await home(s)


async def keys_of_a_hostile_file(s: Stage, text: str, folder: Path) -> None:
    """Its mistakes are told in a line, with its own words in them; the palette and the help go by the keys of a good one."""
    bad = folder / "keys\x1b[2J.toml"
    for said in (text, f'[inbox]\n"{text[:30]}" = "x"', "[inbox]\nclaim = '''\n\u202e'''\n", "\x1b]0;x\x07"):
        bad.write_bytes(said.encode("utf-8", "replace"))
        give_keys(s.desk, bad)
        s.app.place.show_bars()
        await s.settle()
        check(s, f"a file of keys with {said[:20]!r}")
        assert s.sees("your keys are not used: keys")
    good = folder / "keys.toml"
    good.write_text('[inbox]\nclaim = "Ж"\n', encoding="utf-8")
    give_keys(s.desk, good)
    for key in ("question_mark", "ctrl+p"):
        await s.press(key)
        check(s, f"{key} with keys of one's own")
        await s.press("escape")
        await s.until(lambda: not isinstance(s.app.screen, CommandPalette), "the palette to go")
