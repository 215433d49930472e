"""What waits for what: the circles are those that a plain walk finds, what is left has none, and no order changes it."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from listener.rulebook.circles import circles, settled

EDGES = st.dictionaries(st.sampled_from("abcdefgh"), st.frozensets(st.sampled_from("abcdefghz"), max_size=4))


def reached(edges: dict[str, frozenset[str]], start: str) -> set[str]:
    """All names that one can come to, with one step at least."""
    there: set[str] = set()
    waiting = list(edges[start])
    while waiting:
        if (name := waiting.pop()) in edges and name not in there:
            there.add(name)
            waiting.extend(edges[name])
    return there


@given(EDGES, st.randoms(use_true_random=False))
def test_circles_are_taken_out_and_nothing_else(edges: dict[str, frozenset[str]], chance: random.Random) -> None:
    beyond = {name: reached(edges, name) for name in edges}
    inside = {
        name: tuple(sorted({name, *(one for one in beyond[name] if name in beyond[one])}))
        for name in edges
        if name in beyond[name]
    }
    assert sorted(circles(edges)) == sorted(set(inside.values()))
    made = settled(edges)
    for name in edges:
        left = {one for one in edges[name] if one in edges and one not in inside.get(name, (name,))}
        assert made.get(name, frozenset()) == left
    before: set[str] = set()
    for name, others in made.items():
        assert others.isdisjoint(made.keys() - before)  # whom it waits for is settled already
        before.add(name)
    shuffled = list(edges.items())
    chance.shuffle(shuffled)
    assert settled(dict(shuffled)) == made


def test_long_chains_are_no_matter() -> None:
    chain = {f"r{n:05}": {f"r{n + 1:05}"} for n in range(20_000)}
    assert circles(chain) == ()
    assert len(settled(chain)) == 19_999
    ring = {**chain, "r19999": {"r00000"}}
    assert len(circles(ring)) == 1
    assert settled(ring) == {}
