"""Windows of data for the screens: the queue, a topic's mentions, one conversation whole, what a query finds, and the saved queries.

No statement in here grows with a table: pages are cut from an index before anything is joined, counts are maintained, threads are
limited. Texts are as the network sent them: hostile until `listener.harmless` has seen them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.store.rooms import by_name

if TYPE_CHECKING:
    from listener.store.inbox.authors import author, mutable, past
    from listener.store.inbox.folded import folded_page, folds, members
    from listener.store.inbox.heard import listening, listening_rows, topics, versions
    from listener.store.inbox.opened import open  # noqa: A004 - the screen's word
    from listener.store.inbox.posts import comments, post
    from listener.store.inbox.queue import FIRST, LAST, counts, page, rows
    from listener.store.inbox.saved import delete_view, save_view, saved_views
    from listener.store.inbox.searching import Found, search
    from listener.store.inbox.standing import in_folder, in_view
    from listener.store.inbox.viewing import among, view_ids, view_page
else:
    __getattr__ = by_name(
        __name__,
        {
            "authors": ("author", "mutable", "past"),
            "folded": ("folded_page", "folds", "members"),
            "heard": ("listening", "listening_rows", "topics", "versions"),
            "opened": ("open",),
            "posts": ("comments", "post"),
            "queue": ("FIRST", "LAST", "counts", "page", "rows"),
            "saved": ("delete_view", "save_view", "saved_views"),
            "searching": ("Found", "search"),
            "standing": ("in_folder", "in_view"),
            "viewing": ("among", "view_ids", "view_page"),
        },
    )

__all__ = [
    "FIRST",
    "LAST",
    "Found",
    "among",
    "author",
    "comments",
    "counts",
    "delete_view",
    "folded_page",
    "folds",
    "in_folder",
    "in_view",
    "listening",
    "listening_rows",
    "members",
    "mutable",
    "open",
    "page",
    "past",
    "post",
    "rows",
    "save_view",
    "saved_views",
    "search",
    "topics",
    "versions",
    "view_ids",
    "view_page",
]
