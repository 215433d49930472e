"""What changed in a thread while somebody wrote, and what a reply's state is called."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from inbox_tui.view.replies import answered_by_others, changed_since, outbox_words, seconds_left
from listener.model.leaving import OutboxState
from listener.store.views.thread import Opened, OutboxRow
from tests.tui.fake import START, FakeBackend, message


async def opened() -> Opened:
    backend = FakeBackend(3)
    backend.talk(1).thread = [message(1, "first", START, "mira.test"), message(2, "second", START, "mira.test")]
    found = await backend.open(1, START)
    assert found is not None
    return found


def reply(state: OutboxState = OutboxState.QUEUED, person_id: int = 2, minutes: float = 1) -> OutboxRow:
    at = START + timedelta(minutes=minutes)
    return OutboxRow(
        9,
        9,
        1,
        state,
        "our answer",
        "larkspur.test",
        "mira.test",
        False,
        "Bo Lind",
        person_id,
        at,
        at,
        at,
        None,
        "",
        "",
        1,
    )


async def test_nothing_changed_says_nothing() -> None:
    before = await opened()
    assert changed_since(before, before, 1, START) == []
    read = replace(before, notes=(), history=(), claimed_by="Bo")
    assert changed_since(before, read, 1, START) == [], "claims and notes are no reason to ask"


async def test_new_messages_edits_deletes_and_answers_are_named() -> None:
    before = await opened()
    first, second = before.thread
    after = replace(
        before,
        thread=(
            replace(first, version=2, text="first, edited"),
            replace(second, deleted=True, text=None),
            message(3, "third", START, "mira.test"),
        ),
        replies=(reply(), reply(person_id=1), reply(OutboxState.WITHDRAWN)),
    )
    assert changed_since(before, after, 1, START + timedelta(minutes=3)) == [
        "@mira.test edited a message; it now says: “first, edited”",
        "@mira.test deleted a message",
        "@mira.test wrote 3 min ago: “third”",
        "Bo Lind answered 2 min ago: “our answer”",
    ]


async def test_a_colleagues_answer_counts_until_the_author_writes_again() -> None:
    base = await opened()
    assert answered_by_others(replace(base, replies=(reply(),)), 1) == reply()
    assert answered_by_others(replace(base, replies=(reply(),)), 2) is None, "one's own is no surprise"
    assert answered_by_others(replace(base, replies=(reply(OutboxState.FAILED),)), 1) is None
    newer = message(3, "and now?", START + timedelta(minutes=5), "mira.test")
    assert answered_by_others(replace(base, thread=(*base.thread, newer), replies=(reply(),)), 1) is None


def test_the_countdown_never_shows_a_second_that_is_over() -> None:
    queued = reply(minutes=0)
    queued = replace(queued, not_before=START + timedelta(seconds=4))
    assert seconds_left(queued, START) == 4
    assert seconds_left(queued, START + timedelta(seconds=3.2)) == 1
    assert seconds_left(queued, START + timedelta(seconds=4)) == 0
    assert outbox_words(queued, START)[0] == "goes out in 4 s, z takes it back"
    assert outbox_words(queued, START + timedelta(seconds=5))[0] == "waiting to go out, z takes it back"
