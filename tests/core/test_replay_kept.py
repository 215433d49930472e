"""What a replay keeps on the disk: every page once, whatever stops it, and nobody else's."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from listener.errors import FixMe
from listener.rulebook.replay import Diff, Due, Fired, Outcome, Paged, Turn
from listener.service.replaying import Kept, kept_at

START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 11, 8, tzinfo=UTC)
ABOUT = {"database": "db/hubbub", "brand": "lark", "old": "a" * 64, "new": "b" * 64, "from": "7d", "to": "now"}


def opened(folder: Path, other: str = "", *, fresh: bool = False, start: datetime = START) -> Kept:
    about = {**ABOUT, other: "another"} if other else ABOUT
    return kept_at(folder, about, start, END, fresh=fresh)


def page(n: int) -> tuple[tuple[datetime, int], Outcome]:
    """What page `n` came to, with all that an outcome can hold."""
    at = START + timedelta(minutes=n, microseconds=17)
    diff = Diff(
        n,
        "lark",
        at,
        ("outage",),
        ("flood",),
        Due.EARLIER,
        -1,
        True,
        False,
        None,
        True,
        ("+a", "-b"),
        ("team",),
        Turn.NEW,
    )
    fired = {"outage": Fired(n, n + 1, 1, 0, 0, 0, (n,), ())}
    return (at, n), Outcome(
        10, 1, 2, 0, 1, fired, {"due earlier": 1}, {23: Paged(1, 2, 3, 4)}, Paged(1, 2, 3, 4), (diff,)
    )


def judged(kept: Kept, *pages: int) -> None:
    for n in pages:
        kept.add(*page(n), 13, START + timedelta(minutes=n))


def whole(*pages: int) -> Outcome:
    found = Outcome()
    for n in pages:
        found += page(n)[1]
    return found


def test_it_goes_on_where_it_was_stopped_with_all_that_was_found(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    assert not kept.resumed
    judged(kept, 1, 2)
    kept.close()
    later = opened(tmp_path, start=START + timedelta(hours=3))
    assert (later.resumed, later.after, later.done) == (True, page(2)[0], 26)
    assert later.start == START, "an age is counted back from when it was begun"
    assert later.outcome == whole(1, 2)
    judged(later, 3)
    assert later.outcome == whole(1, 2, 3)
    later.close()


@pytest.mark.parametrize("torn", [1, 20, 200])
def test_a_page_that_was_not_written_whole_is_judged_again_and_counts_once(tmp_path: Path, torn: int) -> None:
    kept = opened(tmp_path)
    judged(kept, 1, 2)
    kept.close()
    (path,) = tmp_path.iterdir()
    os.truncate(path, path.stat().st_size - torn)
    again = opened(tmp_path)
    assert (again.after, again.outcome) == (page(1)[0], whole(1))
    judged(again, 2)
    again.close()
    third = opened(tmp_path)
    assert third.outcome == whole(1, 2)
    third.close()


def test_another_rulebook_range_brand_or_database_begins_anew(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    judged(kept, 1)
    kept.close()
    for name in ABOUT:
        other = opened(tmp_path, name)
        assert not other.resumed, name
        other.close()
    same = opened(tmp_path)
    assert same.resumed
    same.close()


def test_fresh_begins_anew_and_what_is_told_is_forgotten(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    judged(kept, 1)
    kept.close()
    fresh = opened(tmp_path, fresh=True)
    assert not fresh.resumed
    judged(fresh, 2)
    fresh.finished()
    fresh.close()
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_judged_nothing_is_not_gone_on_with(tmp_path: Path) -> None:
    opened(tmp_path).close()
    later = opened(tmp_path, start=START + timedelta(hours=3))
    assert (later.resumed, later.start) == (False, START + timedelta(hours=3))
    judged(later, 1)
    later.close()
    again = opened(tmp_path)
    assert again.start == START + timedelta(hours=3)
    again.close()


def test_two_at_once_do_not_write_into_one_file(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    with pytest.raises(FixMe, match="already runs"):
        opened(tmp_path)
    kept.close()
    opened(tmp_path).close()


def test_a_file_that_is_something_else_is_begun_anew(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"\xff\xfe not ours\n")
    again = opened(tmp_path)
    assert not again.resumed
    judged(again, 1)
    again.close()
    third = opened(tmp_path)
    assert third.outcome == whole(1)
    third.close()
