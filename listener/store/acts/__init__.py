"""What people do to conversations, and taking it back. Owns the transaction in which a row and its event change together.

Which moves are legal is `listener.workflow`'s; this room asks it, with the rows locked. What left the house is not undone here.
Refuses a viewer's acts, and acts on what a colleague has changed meanwhile where the caller says what it had seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.store.rooms import by_name

if TYPE_CHECKING:
    from listener.store.acts.authors import mute, note_author, unmute
    from listener.store.acts.doing import do, mark_read, note
    from listener.store.acts.drafts import drop_draft, save_draft
    from listener.store.acts.opening import open_from_mention
    from listener.store.acts.overruling import overrule
    from listener.store.acts.rights import may_act
    from listener.store.acts.transaction import Done
    from listener.store.acts.undoing import last_act, last_undo, undo
else:
    __getattr__ = by_name(
        __name__,
        {
            "authors": ("mute", "note_author", "unmute"),
            "doing": ("do", "mark_read", "note"),
            "drafts": ("drop_draft", "save_draft"),
            "opening": ("open_from_mention",),
            "overruling": ("overrule",),
            "rights": ("may_act",),
            "transaction": ("Done",),
            "undoing": ("last_act", "last_undo", "undo"),
        },
    )

__all__ = [
    "Done",
    "do",
    "drop_draft",
    "last_act",
    "last_undo",
    "mark_read",
    "may_act",
    "mute",
    "note",
    "note_author",
    "open_from_mention",
    "overrule",
    "save_draft",
    "undo",
    "unmute",
]
