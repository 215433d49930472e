"""Labels of one's own: put, taken off, shown. Owns what is asked and said of them; they are this person's alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from inbox_tui.screens.base import LabelsMade
from inbox_tui.screens.inbox.deciding import Deciding
from inbox_tui.screens.inbox.triage import MOST_OF_VIEW, All
from inbox_tui.view import labels, thread, words
from inbox_tui.view.lines import say
from inbox_tui.widgets import dialogs
from listener.store.views.changed import Changed

if TYPE_CHECKING:
    from listener.store.views.queue import QueueRow


class Labelling(Deciding):
    """The labels of whoever sits here."""

    _labels: Mapping[int, tuple[str, ...]] = {}

    async def first_reads(self) -> None:
        """All of them: there are not many."""
        await super().first_reads()
        await self._read_labels()

    async def heard(self, changed: Changed) -> None:
        """After the connection was away they are read again."""
        await super().heard(changed)
        if changed.lost:
            await self._read_labels()

    async def _read_labels(self) -> None:
        found = await self.attempt(self.desk.backend.labels())
        if found is not None and found != self._labels:
            self._labels = found
            self.rows.redraw()
            self._show_opened()

    def labels_of(self, row: QueueRow) -> Sequence[str]:
        """Of a row."""
        return self._labels.get(row.id, ())

    def reader(self, width: int) -> thread.Reader:
        """With the labels of the conversation."""
        made = super().reader(width)
        own = self._labels.get(self.opened.conversation.id, ()) if self.opened is not None else ()
        return replace(made, labels=own) if own else made

    def known(self) -> Mapping[str, Iterable[str]]:
        """Their names, for the search box."""
        return {**super().known(), "label": self._names()}

    def _names(self) -> list[str]:
        return sorted({text for own in self._labels.values() for text in own})

    # Putting and taking ----------------------------------------------------------------------------------------------

    def action_label(self) -> None:
        """Put labels on, take labels off."""
        if ids := self._targets_or_say():
            self.work(self._label(ids))

    async def _label(self, targets: Sequence[int] | All) -> None:
        names = self._names()

        def complete(value: str) -> list[str]:
            begun = value.rpartition(" ")[2].lstrip("-~")
            return [say(name) for name in names if name.startswith(begun) and name != begun]

        hint = "only you see them; words with spaces between; -word takes a label off"
        answer = await self.app.push_screen_wait(dialogs.Prompt("Labels of your own", hint=hint, complete=complete))
        on, off = labels.read(answer or "")
        if not on and not off:
            return
        ids = await self._all_or_say() if isinstance(targets, All) else targets
        if not ids:
            return
        put, take = ([(id_, text) for id_ in ids for text in texts] for texts in (on, off))
        backend = self.desk.backend
        last_act = await self.attempt(backend.last_act())
        done = await self.attempt(backend.label(put, take, self.desk.now()))
        if done is None:
            return
        if done.ids:
            self.desk.marked.append(LabelsMade(done, last_act))
        self.say(labels.done(done, self.desk.sign("take_back")), "good" if done.ids else "dim")
        self.unmark_done(ids)
        await self.labels_changed(done.ids)

    async def _all_or_say(self) -> Sequence[int]:
        """All that is shown, once somebody has said yes."""
        backend, view = self.desk.backend, self.view
        standing = await self.attempt(
            backend.standing(self.folder)
            if view is None
            else backend.view_standing(view.query, self.desk.now(), most=MOST_OF_VIEW)
        )
        if standing is None or not standing.versions:
            return ()
        n = words.count(len(standing.versions), "conversation")
        answer = await self.app.push_screen_wait(
            dialogs.Ask(f"Label {n}?", ["Only you see it."], [("l", "leave them"), ("y", "label them")])
        )
        self.rows.unmark()
        return list(standing.versions) if answer == "y" else ()

    async def labels_changed(self, ids: Collection[int]) -> None:
        """Rows, the conversation, and views that ask for them: nobody else tells of it."""
        await self._read_labels()
        await self.heard(Changed(frozenset(ids), frozenset(), frozenset(), rulebook=False, lost=False))
