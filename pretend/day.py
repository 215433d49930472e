"""Plays a scripted day: who says what when, on a clock as fast as one likes, and how people react to our answers.

Scripts are data, ``days/<name>.jsonl``, read and checked here as a whole before anything happens. When the day is over
a slow trickle keeps the network alive. Progress is kept in the journal: after a restart the day goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files

from pretend.lexicon import reply_uri
from pretend.repo import Actor, Change, World
from pretend.stage import Stage
from pretend.wire import POST, Json, XrpcError, did_of, iso, repo_of

MAX_SPEED = 0.0  # the speed that means as fast as possible
DEFAULT_SPEED = 600.0  # seconds of the day in one real second: twelve and a half hours take 75 seconds
TRICKLE_SECONDS = 6.0
REACTION_SECONDS = (2.0, 5.0)  # how long people think before they react to us
MOST_REACTIONS = 2  # in one thread by one person

ACTS = frozenset({"say", "edit", "delete", "like", "repost", "follow", "block", "account", "close"})
SIDES = frozenset({"at", "by", "id", "to", "quote", "lang", "claims", "status", "handle"})
REFERENCES = ("to", "quote", "edit", "delete", "like", "repost", "close")
SPREADS = frozenset({"at", "storm", "minutes", "texts", "by", "lang", "to", "times"})


@dataclass(frozen=True, slots=True)
class Step:
    """One act of the day. `at` is in seconds since midnight."""

    at: int
    act: Json


@dataclass(slots=True)
class Script:
    """A day as read from its file."""

    cast: dict[str, Json] = field(default_factory=dict)
    pools: dict[str, list[str]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


def names() -> list[str]:
    """The days there are."""
    folder = files("pretend") / "days"
    return sorted(one.name.removesuffix(".jsonl") for one in folder.iterdir() if one.name.endswith(".jsonl"))


def read(name: str, seed: int) -> Script:
    """The script of this name, as `parse`.

    Raises:
        ValueError: An unknown day, or a line that is not understood, with its number.
    """
    if name not in names():
        raise ValueError(f"no such day: {name!r}; there are {', '.join(names())}")
    text = (files("pretend") / "days" / f"{name}.jsonl").read_text("utf-8")
    try:
        return parse(text, seed)
    except ValueError as error:
        raise ValueError(f"days/{name}.jsonl, {error}") from error


def parse(text: str, seed: int) -> Script:
    """A script from its lines; storms are spread out with the seed.

    Raises:
        ValueError: A line that is not understood, with its number, or an act upon something not said yet.
    """
    script, chance, known = Script(), random.Random(seed), set[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("//"):
            continue
        try:
            _read_line(script, json.loads(line), chance)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {number}: {error}") from error
    script.steps.sort(key=lambda step: step.at)
    for step in script.steps:
        used = {step.act[key] for key in REFERENCES if key in step.act}
        if used - known:
            raise ValueError(f"{sorted(used - known)} is used before it is said")
        known |= {step.act["id"]} if "id" in step.act else set()
    return script


def _read_line(script: Script, row: Json, chance: random.Random) -> None:
    if "cast" in row:
        script.cast[row.pop("cast")] = row
    elif "pool" in row:
        script.pools[row["pool"]] = row["texts"]
    elif "storm" in row:
        _spread(script, row, chance)
    else:
        if len(ACTS & set(row)) < 1 or set(row) - ACTS - SIDES:
            raise ValueError(f"not an act: {sorted(set(row))}")
        script.steps.append(Step(_time(row["at"]), row))


def _spread(script: Script, row: Json, chance: random.Random) -> None:
    """Many people saying such things for a while: each text `times` times, in random order, with a small change."""
    if set(row) - SPREADS:
        raise ValueError(f"unknown field {min(set(row) - SPREADS)!r} in a storm")
    start, length = _time(row["at"]), row["minutes"] * 60
    texts = [text for text in row["texts"] for _ in range(row.get("times", 1))]
    chance.shuffle(texts)
    for index, text in enumerate(texts):
        at = start + int(length * (index + chance.random()) / len(texts))
        act = {"by": f"{row['storm']}-{chance.randrange(len(texts) * 3 // 4 + 1)}", "say": text}
        act |= {key: row[key] for key in ("lang", "to") if key in row}
        script.steps.append(Step(at, act | {"at": ""}))


def _time(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 3600 + int(float(minute) * 60)


class Day:
    """The player of one script."""

    def __init__(
        self,
        script: Script,
        stage: Stage,
        world: World,
        ours: Actor,
        *,
        speed: float = DEFAULT_SPEED,
        seed: int = 1,
        trickle_seconds: float = TRICKLE_SECONDS,
        told: Callable[[Json], None] = lambda row: None,
    ) -> None:
        self._script = script
        self._stage = stage
        self._world = world
        self._ours = ours
        self._speed = speed
        self._seed = seed
        self._trickle_seconds = trickle_seconds
        self._told = told
        self._uris: dict[str, str] = {}
        self._next = 0
        self._acting = False  # what the script itself does finds its reactions in the script
        self._reactions: set[asyncio.Task[None]] = set()
        self._reacted: dict[tuple[str, str], int] = {}
        self.done = asyncio.Event()
        for row in world.lines.pop("day", []):
            self._next = row["step"] + 1
            if row["uri"]:
                self._uris[row["id"]] = row["uri"]

    @property
    def progress(self) -> Json:
        """How far the day is."""
        return {"steps": len(self._script.steps), "played": self._next, "done": self.done.is_set()}

    async def play(self) -> None:
        """Play the rest of the day, then trickle until cancelled."""
        self._enter_cast()
        self._world.watchers.append(self._notice)
        try:
            await self._play_steps()
            self.done.set()
            self._told({"day": "done", "steps": len(self._script.steps)})
            await self._trickle()
        finally:
            self._world.watchers.remove(self._notice)
            for task in self._reactions:
                task.cancel()

    def _enter_cast(self) -> None:
        for short, row in self._script.cast.items():
            handle = _handle(short)
            about, followers = row.get("about", ""), row.get("followers", 0)
            self._world.admit(Actor(did_of(handle), handle, row.get("name", ""), about, followers))

    async def _play_steps(self) -> None:
        loop = asyncio.get_running_loop()
        steps = self._script.steps
        if self._next >= len(steps):
            return
        first, began = (steps[self._next - 1].at if self._next else steps[0].at), loop.time()
        while self._next < len(steps):
            step = steps[self._next]
            wait = began + (step.at - first) / self._speed - loop.time() if self._speed else 0.0
            await asyncio.sleep(max(0.0, wait))
            uri = self._carry_out(step.act)
            self._world.note("day", {"step": self._next, "id": step.act.get("id", ""), "uri": uri})
            self._next += 1

    def _carry_out(self, act: Json) -> str:
        self._acting = True
        try:
            return self._act(act)
        except XrpcError as refused:
            # Somebody else deleted what the script wanted to act upon; the day goes on without it.
            self._told({"day": "skipped", "act": act, "why": refused.message})
            return ""
        finally:
            self._acting = False

    def _act(self, act: Json) -> str:
        """Carry out one act; the address of what it wrote."""
        stage, by = self._stage, _handle(act.get("by", ""))
        uris = {key: self._uris[act[key]] for key in ("to", "quote") if key in act}
        uri = ""
        if "edit" in act:
            stage.edit(self._uris[act["edit"]], act["say"])
        elif "say" in act:
            langs = tuple(act["lang"].split(",")) if act.get("lang") else ("en",)
            claimed = self._claimed(act.get("claims", ""))
            uri = stage.post(
                by, act["say"], reply_to=uris.get("to"), quote=uris.get("quote"), langs=langs, created_at=claimed
            ).uri
        elif "delete" in act:
            stage.delete(self._uris[act["delete"]])
        elif "like" in act:
            stage.like(by, self._uris[act["like"]])
        elif "repost" in act:
            stage.repost(by, self._uris[act["repost"]])
        elif "follow" in act:
            stage.follow(by, _handle(act["follow"]))
        elif "block" in act:
            stage.block(by, _handle(act["block"]))
        elif "close" in act:
            stage.close_thread(self._uris[act["close"]])
        elif "handle" in act:
            stage.rename(_handle(act["account"]), act["handle"])
        else:
            stage.status(_handle(act["account"]), act["status"])
        if "id" in act:
            self._uris[act["id"]] = uri
        return uri

    def _claimed(self, claims: str) -> str | None:
        """What the author says the time is: ``-3d`` and ``+5h`` are lies about now, anything else is sent as it is."""
        if not claims or claims[0] not in "+-":
            return claims or None
        seconds = float(claims[:-1]) * {"m": 60, "h": 3600, "d": 86400}[claims[-1]]
        return iso(self._world.clock() + int(seconds * 1_000_000))

    async def _trickle(self) -> None:
        chance = random.Random(f"{self._seed} trickle {self._world.clock()}")
        pool = self._script.pools.get("trickle", [])
        if not pool or not self._trickle_seconds:
            await asyncio.Event().wait()
        while True:
            await asyncio.sleep(self._trickle_seconds * chance.uniform(0.5, 1.5))
            self._stage.post(_handle(f"passer-by-{chance.randrange(400)}"), chance.choice(pool), langs=("en",))

    def _notice(self, change: Change) -> None:
        """When we answer somebody, perhaps somebody reacts."""
        entry = change.entry
        ours = entry.did == self._ours.did and entry.collection == POST and change.operation == "create"
        if not ours or self._acting:
            return
        parent = reply_uri(entry.record or {}, "parent")
        person = self._world.find(repo_of(parent))
        if parent is None or person is None or person.did == self._ours.did:
            return
        chance = random.Random(f"{self._seed} {parent}")
        pool = self._reaction(person, chance)
        root = reply_uri(entry.record or {}, "root") or parent
        if pool and self._reacted.get((person.did, root), 0) < MOST_REACTIONS:
            self._reacted[person.did, root] = self._reacted.get((person.did, root), 0) + 1
            task = asyncio.get_running_loop().create_task(self._react(person, entry.uri, chance.choice(pool), chance))
            self._reactions.add(task)
            task.add_done_callback(self._reactions.discard)

    def _reaction(self, person: Actor, chance: random.Random) -> list[str]:
        mood = self._script.cast.get(person.handle.removesuffix(".test"), {}).get("mood", "sometimes")
        if mood == "sometimes":
            mood = chance.choice(["thanks", "thanks", "angrier", "silent"])
        return self._script.pools.get(mood, [])

    async def _react(self, person: Actor, to: str, text: str, chance: random.Random) -> None:
        await asyncio.sleep(chance.uniform(*REACTION_SECONDS) if self._speed else 0.1)
        if person.status == "active":
            self._stage.post(person.handle, text, reply_to=to, langs=("en",))


def _handle(short: str) -> str:
    return short if "." in short else f"{short}.test"
