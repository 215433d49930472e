"""The one-line bars: what is going on (top), what was just done (said), which keys work here (footer)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from inbox_tui.keys import Key, shown
from inbox_tui.messages import KeyClicked
from inbox_tui.view.lines import EMPTY, Line, Piece, cells, cut, spread
from inbox_tui.widgets.drawing import Drawn, strip_of

ALWAYS = 3
"""Keys at the end of the footer that stay in the narrowest terminal."""


def keys_told(entries: Iterable[Key], between: str = " · ") -> tuple[list[Piece], dict[str, str]]:
    """Keys and what they do as pieces for a bar, and the acts that clicks on them do."""
    acts = {f"{shown(key.keys[0])} {key.short}": key.act for key in entries}
    return [piece for words in acts for piece in ((between, "dim"), (words, "dim"))][1:], acts


class Bar(Drawn):
    """One line with a left and a right part; the left gives way."""

    DEFAULT_CSS = "Bar { height: 1; padding: 0 1; background: $panel; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._left: Line = EMPTY
        self._right: Line = EMPTY
        self._acts: Mapping[str, str] = {}

    @property
    def plain(self) -> str:
        """What it says."""
        return "".join(text for text, _ in (*self._left, (" ", ""), *self._right))

    def show(
        self,
        left: Iterable[tuple[str, str]],
        right: Iterable[tuple[str, str]] = (),
        acts: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Say something else. `acts`: pieces, without the blanks around them, on which a click does an act."""
        self._acts = acts
        new = tuple(left), tuple(right)
        if new != (self._left, self._right):
            self._left, self._right = new
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Always one line."""
        return 1

    def _line(self) -> Line:
        width = self.content_size.width
        return spread(self._left, self._right, width) if self._right else cut(self._left, width)

    def render_line(self, y: int) -> Strip:
        """The line."""
        return strip_of(self._line(), self.content_size.width, self.look, self.base)

    def on_click(self, event: events.Click) -> None:
        """A piece that does something was clicked."""
        at = event.x - self.styles.padding.left
        for text, _ in self._line():
            if 0 <= at < cells(text) and (act := self._acts.get(text.strip())):
                self.post_message(KeyClicked(act))
            at -= cells(text)


class KeysBar(Drawn):
    """The keys that work here; a click presses one."""

    DEFAULT_CSS = "KeysBar { height: 1; padding: 0 1; background: $panel; }"

    def __init__(self, keys: Iterable[Key] = (), *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._keys = tuple(key for key in keys if key.footer)
        self._crossed: frozenset[str] = frozenset()
        self._spots: list[tuple[int, int, str]] = []

    def show(self, keys: Iterable[Key], crossed: frozenset[str] = frozenset()) -> None:
        """Other keys: another place has the focus. `crossed`: acts that cannot be done here now; their keys say why."""
        new = tuple(key for key in keys if key.footer)
        if (new, crossed) != (self._keys, self._crossed):
            self._keys, self._crossed = new, crossed
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Always one line."""
        return 1

    def render_line(self, y: int) -> Strip:
        """As many keys as fit; palette, help and quit always."""
        width, base = self.content_size.width, self.base
        key_style, dim = base + self.look.pieces["title"], base + self.look.pieces["dim"]
        texts = [
            (key, f" {'✗' if key.act in self._crossed else ''}{shown(key.keys[0])} ", f"{key.short} ")
            for key in self._keys
        ]
        while texts and sum(cells(a + b) for _, a, b in texts) > width:
            texts.pop(-ALWAYS - 1 if len(texts) > ALWAYS else -1)
        self._spots = []
        segments: list[Segment] = []
        at = 0
        for key, sign, word in texts:
            crossed = key.act in self._crossed
            segments.extend((Segment(sign, dim if crossed else key_style), Segment(word, dim if crossed else base)))
            size = cells(sign + word)
            self._spots.append((at, at + size, key.act))
            at += size
        return Strip(segments).adjust_cell_length(width, base)

    def on_click(self, event: events.Click) -> None:
        """A key was clicked."""
        x = event.x - self.styles.padding.left
        for start, end, act in self._spots:
            if start <= x < end:
                self.post_message(KeyClicked(act))
