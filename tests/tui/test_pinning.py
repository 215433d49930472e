"""On terminals that think differently of the width of what people write, every frame and every column stays where the layout has it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from inbox_tui.app.pinning import pinned

TOKENS = re.compile("\x1b7|\x1b8|\x1b\\[(\\d*)C|\x1b\\[[0-9;]*m|(.)", re.DOTALL)


def by_code_point(text: str) -> int:
    """A terminal that knows no joining: every character by itself, marks that take room included."""
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )  # fmt: skip


def narrow(text: str) -> int:
    """An old one, to which all pictures are one cell wide."""
    left = [c for c in text if not (unicodedata.combining(c) or unicodedata.category(c) == "Cf")]
    return sum(2 if unicodedata.east_asian_width(c) in "WF" and ord(c) < 0x1F000 else 1 for c in left)


def wide(text: str) -> int:
    """One that gives every character beyond the common ones two cells."""
    return sum(2 if ord(c) > 0x2FF and not 0x2500 <= ord(c) <= 0x259F else 1 for c in text)


def drawn(written: str, width: Callable[[str], int], cells: int = 120) -> list[str]:
    """One line of a terminal's cells after it drew all this; a character of two cells leaves "" in its second one."""
    line, at, kept = ["#"] * cells, 0, 0  # what was there before
    for token in TOKENS.finditer(written):
        if token[0] == "\x1b7":
            kept = at
        elif token[0] == "\x1b8":
            at = kept
        elif token[1] is not None:
            at = min(cells - 1, at + int(token[1] or 1))
        elif token[2] is not None:
            n = width(token[2])
            for i in range(n):
                if at + i < cells:
                    line[at + i] = token[2] if i == 0 else ""
            at = min(cells - 1, at + n)
    return line


TEXTS = (
    "👨‍👩‍👧‍👦 a family 👍🏽", "हिन्दी में लिखा संदेश", "flags 🇩🇪🇫🇷", "1️⃣ ☎️ ❤️", "e\u0301a\u0300", "مرحبا أين طلبي", "ไทย ภาษาไทย", "日本語", "plain",
)  # fmt: skip


@pytest.mark.parametrize("width", [cell_len, by_code_point, narrow, wide])
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3), st.booleans())
def test_frames_and_columns_stay_where_they_are(width: Callable[[str], int], texts: list[str], coloured: bool) -> None:
    written, bars, at = "", [], 0
    for text in texts:
        room = 30
        pad = " " * (room - cell_len(text))
        written += f"\x1b[1;32m{text}\x1b[0m\x1b[44m{pad}\x1b[0m│" if coloured else f"{text}{pad}│"
        at += room
        bars.append(at)
        at += 1
    line = drawn(pinned(written), width)
    assert [i for i, cell in enumerate(line) if cell == "│"] == bars
    assert "#" not in line[: bars[-1]], "nothing of what was there before is left"
    shown = "".join(line)
    for text in texts:
        if width(text) <= 30:
            drawable = [c for c in text if width(c)]
            assert all(c in shown for c in drawable), "nothing is drawn over"


def test_what_no_terminal_doubts_is_written_as_it_is() -> None:
    plain = "\x1b[2;5H\x1b[1mOpen 12 → ●‼ ┃ 日本語 Größe\x1b[0m │ naïve 100 €"
    assert pinned(plain) is plain


def test_colours_go_on_behind_it_and_moves_are_kept() -> None:
    written = "\x1b[3;4H\x1b[31m1️⃣ one\x1b[0m\x1b[9;1Hm\u0301\x1b[32m more"
    found = pinned(written)
    assert re.sub("\x1b[78]|\x1b\\[\\d+C", "", found).startswith("\x1b[3;4H")
    assert found.endswith("\x1b[32m"), "the colour that was on is on"
    assert found.count("\x1b[9;1H") == 1


@given(st.text(st.sampled_from("ab  │é👍🏽\u200d\ufe0f\u0301ह\x1b[0m\n;31H7"), max_size=40))
def test_nothing_is_lost_whatever_is_written(written: str) -> None:
    found = pinned(written)
    left = "".join(found.split())
    assert [c for c in written if ord(c) > 0x2FF and not 0x2500 <= ord(c) <= 0x259F] == [
        c for c in left if ord(c) > 0x2FF and not 0x2500 <= ord(c) <= 0x259F
    ]


OWN = re.compile("\x1b7|\x1b8|\x1b\\[\\d+C")
SEQUENCE = re.compile("\x1b(?:\\[[0-9;:?<=>]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[^\\[\\]])")
ANYTHING = st.lists(
    st.sampled_from(
        [*TEXTS, " ", "  ", "│", "\n", "\x1b[0m", "\x1b[1;31m", "\x1b[3;4H", "\x1b[9C", "\x1b]52;c;eA==\x07", "\x1b]8;;x\x1b\\"]
    )
    | st.text(st.characters(exclude_characters="\x1b"), max_size=8),
    max_size=30,
).map("".join)  # fmt: skip


@given(ANYTHING)
def test_beside_what_was_written_only_its_own_sequences_are(written: str) -> None:
    found = pinned(written)
    assert set(SEQUENCE.findall(found)) <= set(SEQUENCE.findall(written)) | set(OWN.findall(found))
    left, before = (re.sub("[ \x1b]", "", SEQUENCE.sub("", text)) for text in (found, written))
    assert left == before, "no character comes, goes or comes twice, but spaces"


@pytest.mark.parametrize(
    "piece", ["\x1b[1m ", " \x1b[0m", "\x1b[1", "\x1b]8", "\x1b[ ", "m\u0301 ", "\u0301", "e\u0301\x1b[1m  "]
)
def test_nothing_that_people_write_makes_it_slow(piece: str) -> None:
    """A row of two hundred thousand is done in a blink where each is looked at once, and in hours where each looks at all the others."""
    assert "x\u0301" in pinned(f"x\u0301{piece * 200_000}y\u0301")


MOVES = re.compile("\x1b7|\x1b8|\x1b\\[(\\d+);(\\d+)H|\x1b\\[(\\d+)C|\x1b\\[\\?7([lh])|\x1b\\[[0-9;]*m|(.)", re.DOTALL)


class Cells:
    """A terminal of some lines, as the driver has set it: without wrapping. It wraps and scrolls as real ones do where that is undone."""

    def __init__(self, columns: int, rows: int, width: Callable[[str], int]) -> None:
        self.columns, self.rows, self.width = columns, rows, width
        self.x = self.y = self.wrapped = self.scrolled = 0
        self.wraps, self.pending, self.kept = False, False, (0, 0, False)

    def take(self, written: str) -> None:
        for token in MOVES.finditer(written):
            if token[0] == "\x1b7":
                self.kept = self.x, self.y, self.pending
            elif token[0] == "\x1b8":
                self.x, self.y, self.pending = self.kept
            elif token[1]:
                self.y, self.x, self.pending = int(token[1]) - 1, int(token[2]) - 1, False
            elif token[3]:
                self.x, self.pending = min(self.columns - 1, self.x + int(token[3])), False
            elif token[4]:
                self.wraps = token[4] == "h"
            elif token[5]:
                self._put(self.width(token[5]))

    def _put(self, cells: int) -> None:
        if not cells:
            return
        if self.wraps and (self.pending or self.x + cells > self.columns):
            self.wrapped, self.x, self.pending = self.wrapped + 1, 0, False
            self.scrolled += self.y == self.rows - 1
            self.y = min(self.rows - 1, self.y + 1)
        self.pending = self.wraps and self.x + cells == self.columns
        self.x = min(self.columns - 1, self.x + cells)


@pytest.mark.parametrize("width", [cell_len, by_code_point, narrow, wide])
@given(st.lists(st.sampled_from(TEXTS[:7]), min_size=1, max_size=4), st.sampled_from([0, 1, 3]), st.booleans())
def test_at_the_right_and_the_lower_edge_nothing_wraps_and_nothing_scrolls(
    width: Callable[[str], int], texts: list[str], room: int, coloured: bool
) -> None:
    text = "".join(f"\x1b[1m{one}\x1b[0m" if coloured else one for one in texts)
    columns = cell_len("".join(texts)) + room  # the row is full, or nearly
    terminal = Cells(columns, 3, width)
    terminal.take(pinned(f"\x1b[3;1H{text}{' ' * room}\x1b[1;1H{text}"))
    assert (terminal.wrapped, terminal.scrolled) == (0, 0)
    assert not terminal.wraps, "and the terminal is left as it was"
