"""Editing what was sent: in the composer, by the rules of a reply, taken back while it waits; a draft and what was sent otherwise stay."""

from __future__ import annotations

from dataclasses import replace

from listener.model.accounts import Capability
from listener.model.leaving import Doing, OutboxState
from listener.store.views.thread import Rewording
from tests.tui.fake import FakeBackend
from tests.tui.stage import stage


def sent(backend: FakeBackend) -> int:
    """Our reply in the first conversation, as it was typed."""
    (ours,) = [one for one in backend.talk(1).thread if one.ours]
    backend.typed[ours.id] = "We are on it."
    return ours.id


async def test_a_sent_reply_is_edited_in_the_composer_and_taken_back_while_it_waits() -> None:
    backend = FakeBackend(3)
    ours = sent(backend)
    backend.talk(1).drafts[backend.me.id] = ("another reply, begun", 1)
    async with stage(backend) as s:
        await s.press("Q")
        await s.shows("We are on it.")
        await s.shows("edits a reply that stands on Bluesky")
        await s.press("end", *" Sorry!")
        await s.app.place.save_draft()
        await s.press("ctrl+t")
        await s.shows("It goes out in, or at")
        await s.press("enter")
        await s.shows("goes out now or not at all")
        for key, why in (
            ("ctrl+n", "has no options"), ("ctrl+g", "goes out now or not at all"), ("ctrl+f", "pictures stay as they were"),
        ):  # fmt: skip
            await s.press(key)
            await s.shows(why)
        await s.press("ctrl+s")
        await s.shows("edited on Bluesky in 8 s as @larkspur.test; z takes it back")
        assert backend.edits == [(ours, Rewording("We are on it. Sorry!", f"content of {ours}"))]
        assert [one.what for one in backend.network] == [Doing.EDIT]
        assert (backend.talk(1).drafts[backend.me.id][0], backend.talk(1).replies) == ("another reply, begun", [])
        await s.press("Q")
        await s.shows("edited in 8 s")
        await s.press("z")
        await s.shows("taken back: nothing is asked of the network")
        assert backend.network[-1].state is OutboxState.WITHDRAWN
        await s.press("Q")
        await s.shows("edits a reply that stands")
        await s.press("escape")
        await s.shows("left as it was sent")
        assert backend.talk(1).drafts[backend.me.id][0] == "another reply, begun"


async def test_an_edit_that_has_left_is_seen_at_the_message_and_has_no_way_back() -> None:
    backend = FakeBackend(3)
    sent(backend)
    async with stage(backend) as s:
        await s.press("Q")
        await s.shows("edits a reply that stands")
        await s.press("end", "!", "ctrl+s")
        await s.shows("edited in 8 s")
        backend.move_act(1000, OutboxState.ACCEPTED)
        await s.shows("✎ edited on Bluesky by Ana Sol")
        await s.press("z")
        await s.shows("what is edited can only be edited again")


async def test_what_cannot_be_edited_says_why() -> None:
    backend = FakeBackend(3)
    sent(backend)
    async with stage(backend) as s:
        backend.can = {**backend.can, Capability.EDIT: "posts cannot be edited there"}
        await s.press("Q")
        await s.shows("not on Bluesky: posts cannot be edited there")
        backend.can = {**backend.can, Capability.EDIT: ""}
        backend.typed.clear()
        await s.press("Q")
        await s.shows("only a reply that was sent from here can be edited here")
        sent(backend)
        backend.needs = True
        await s.press("Q")
        await s.shows("a lead or an admin edits what was sent")
        backend.needs = False
        talk = backend.talk(1)
        talk.thread = [replace(one, ours=False) if one.ours else one for one in talk.thread]
        await s.press("Q")
        await s.shows("there is nothing of ours on the network to edit")
        assert backend.edits == []
