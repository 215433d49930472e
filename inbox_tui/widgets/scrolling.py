"""How far a list or a text can be scrolled, told without a new layout. Refuses to scroll."""

from __future__ import annotations

from textual.geometry import Size
from textual.scroll_view import ScrollView


def reach(view: ScrollView, lines: int) -> None:
    """So many lines from now on. Textual lays out the whole screen anew for every other size; here the scroll bar alone follows, unless it
    comes or goes, or the widget is as high as its lines: rows that come and go many times a second must not hold up the keys.
    """
    size, seen = Size(0, lines), view.container_size.height
    if view.styles.is_auto_height or (lines > seen) != (view.virtual_size.height > seen):
        view.virtual_size = size
        return
    view.set_reactive(ScrollView.virtual_size, size)
    if view.show_vertical_scrollbar:
        view.vertical_scrollbar.window_virtual_size = lines
    view.scroll_y = view.validate_scroll_y(view.scroll_y)
