"""The four themes: every colour that the inbox draws with, by what it is for. Owns the colours; refuses to say what a state looks like.

No state is told by colour alone: each has a sign or a word, so that the inbox can be read with none (`NO_COLOR`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from textual.theme import Theme


@dataclass(frozen=True, slots=True)
class Colours:
    """One theme. Inks stand on grounds, each on each."""

    name: str
    says: str
    """For the palette."""
    dark: bool
    lines: str
    """Borders and the like."""
    # Grounds
    back: str
    surface: str
    panel: str
    side: str
    boost: str
    banner: str
    cursor: str
    """The row under the cursor of a list that has the focus."""
    cursor_away: str
    """The same, while the focus is elsewhere."""
    selected: str
    """What the mouse has marked."""
    # Inks
    fore: str
    dim: str
    accent: str
    good: str
    soon: str
    bad: str
    ours: str

    @property
    def grounds(self) -> Mapping[str, str]:
        """What may be drawn upon."""
        names = ("back", "surface", "panel", "side", "boost", "banner", "cursor", "cursor_away", "selected")
        return MappingProxyType({name: getattr(self, name) for name in names})

    @property
    def inks(self) -> Mapping[str, str]:
        """What is drawn with."""
        names = ("fore", "dim", "accent", "good", "soon", "bad", "ours")
        return MappingProxyType({name: getattr(self, name) for name in names})


DARK = Colours(
    name="dark",
    says="Dark",
    dark=True,
    lines="#3f8fd6",
    back="#121212",
    surface="#1c1c1e",
    panel="#23282e",
    side="#16191d",
    boost="#202226",
    banner="#3f1820",
    cursor="#10395c",
    cursor_away="#1c2935",
    selected="#143e63",
    fore="#e6e6e6",
    dim="#a9adb2",
    accent="#ffc473",
    good="#8ad4a1",
    soon="#ffd08a",
    bad="#f394a6",
    ours="#86c1f4",
)

LIGHT = Colours(
    name="light",
    says="Light",
    dark=False,
    lines="#2b6ca8",
    back="#f7f7f7",
    surface="#f0f0f0",
    panel="#e4e7ea",
    side="#eceff1",
    boost="#ececec",
    banner="#f6d8dd",
    cursor="#c6ddf4",
    cursor_away="#dfe8f1",
    selected="#b7d3ef",
    fore="#1a1a1a",
    dim="#4a4e52",
    accent="#6b4000",
    good="#0f5226",
    soon="#6f3b00",
    bad="#8f1433",
    ours="#0a3f73",
)

CONTRAST_DARK = Colours(
    name="contrast-dark",
    says="High contrast, dark",
    dark=True,
    lines="#ffffff",
    back="#000000",
    surface="#000000",
    panel="#1a1a1a",
    side="#000000",
    boost="#121212",
    banner="#4a0012",
    cursor="#00305c",
    cursor_away="#1b2530",
    selected="#003a70",
    fore="#ffffff",
    dim="#d4d4d4",
    accent="#ffd75f",
    good="#8dffab",
    soon="#ffdf80",
    bad="#ffc2c2",
    ours="#b8e0ff",
)

CONTRAST_LIGHT = Colours(
    name="contrast-light",
    says="High contrast, light",
    dark=False,
    lines="#000000",
    back="#ffffff",
    surface="#ffffff",
    panel="#eeeeee",
    side="#ffffff",
    boost="#f4f4f4",
    banner="#ffe0e4",
    cursor="#cfe4ff",
    cursor_away="#e8eff7",
    selected="#bcd8ff",
    fore="#000000",
    dim="#2e2e2e",
    accent="#4a2c00",
    good="#003a14",
    soon="#522600",
    bad="#6b0018",
    ours="#002b5c",
)

THEMES: Mapping[str, Colours] = MappingProxyType(
    {one.name: one for one in (DARK, LIGHT, CONTRAST_DARK, CONTRAST_LIGHT)}
)
"""By name, in the order in which one key goes through them."""


def after(name: str) -> str:
    """The theme that follows one."""
    names = list(THEMES)
    return names[(names.index(name) + 1) % len(names)] if name in THEMES else names[0]


def theme(of: Colours) -> Theme:
    """The same as Textual takes it."""
    return Theme(
        name=of.name,
        primary=of.lines,
        secondary=of.lines,
        accent=of.accent,
        warning=of.soon,
        error=of.bad,
        success=of.good,
        foreground=of.fore,
        background=of.back,
        surface=of.surface,
        panel=of.panel,
        boost=of.boost,
        dark=of.dark,
        variables={
            "error-muted": of.banner,
            "panel-darken-1": of.side,
            "panel-lighten-1": of.dim,
            "text": of.fore,
            "text-muted": of.dim,
            "text-disabled": of.dim,
            "block-cursor-background": of.cursor,
            "block-cursor-foreground": of.fore,
            "block-cursor-blurred-background": of.cursor_away,
            "block-cursor-blurred-foreground": of.fore,
            "input-selection-background": of.selected,
            "input-selection-foreground": of.fore,
            "screen-selection-background": of.selected,
            "screen-selection-foreground": of.fore,
            "scrollbar": of.dim,
            "scrollbar-background": of.panel,
        },
    )
