"""What `hubbub doctor` says of learning: which model speaks for whom, whether it still keeps what it promised, and what to do where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.service.database import House
    from listener.store.learned import LearnedModel, Learning
    from listener.weekly import Drift


async def told_of_learning(house: House) -> list[tuple[bool, str, str]]:
    """For each brand of which there is something to say: whether it is fine, what it is, and what to do."""
    from listener.service.school import how_it_fares
    from listener.store import learned, people

    found: list[tuple[bool, str, str]] = []
    for brand_id, key, _ in await people.brands(house.pool):
        state = await learned.state(house.pool, brand_id)
        speaking, fares = await how_it_fares(house.pool, brand_id)
        found += [
            (fine, f"{key}: {what}", todo.replace("KEY", key)) for fine, what, todo in told(state, speaking, fares)
        ]
    return found


def told(state: Learning, speaking: LearnedModel | None, fares: Drift | None) -> Iterator[tuple[bool, str, str]]:
    """One brand. Nothing, where nobody has looked yet."""
    from listener.cli.judging_models import TODO

    if not state.is_on:
        yield True, f"learning is {state.stands}", ""
    elif speaking is not None and fares is not None:
        yield not fares.falls, f"{speaking.version} speaks: {fares.what}", TODO if fares.falls else ""
    elif state.told:
        yield True, f"nothing that was learned speaks: {state.told}", ""
