"""A small team answers whoever speaks of its teapots and closes the rest; Hubbub learns that, says which model spoke and why, and unlearns it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from listener import settings as reading
from listener.cli import main
from listener.cli.judging_health import told, told_of_learning
from listener.cli.running import login_name
from listener.errors import Refused
from listener.learning import SAID
from listener.model.heard import AuthorChanged, Batch, Deleted, Key, Mention
from listener.model.people import Role
from listener.service.database import House
from listener.service.rules import Bench
from listener.service.school import School, look, why_now
from listener.service.stopping import Stop
from listener.store import acts, decisions, learned, people
from listener.store.judged import Judged, judged
from listener.store.record import record
from listener.weekly import FEW
from listener.workflow.acts import Close
from tests.store.builders import NOW, SPACE, said
from tests.store.heard import Ears

RULES = """
need:
  - {key: question, weight: 0.3, why: they wait}
rules:
  - {id: any, title: Any, owner: x, scope: {addressed: yes}, when: lamp, then: {tags: [lamp]}}
"""
FILLER = (
    "the",
    "shop",
    "corner",
    "has",
    "blue",
    "door",
    "and",
    "tall",
    "lamp",
    "by",
    "old",
    "river",
    "near",
    "mill",
    "road",
)
DAYS = 28
END = NOW + timedelta(days=DAYS)
MANY = 260

Hubbub = Callable[..., Awaitable[tuple[int, Any]]]


def on_the_day(number: int) -> datetime:
    return NOW + timedelta(days=DAYS) * (number / MANY)


def messages() -> tuple[list[Mention], list[Mention]]:
    """What people write to us, and our answers half an hour later: to those who speak of a teapot, and by luck to a few others."""
    dice = random.Random(7)
    theirs, ours = [], []
    for number in range(MANY):
        asked = dice.random() < 0.4
        words = dice.sample(FILLER, 8) + (["teapot"] if asked else [])
        dice.shuffle(words)
        name, at = f"m{number}", on_the_day(number)
        by = f"p{number % 120}"
        theirs.append(said(name, " ".join(words), by=by, at=at, named=("us",), langs=("en",)))
        if asked ^ (dice.random() < 0.1):
            ours.append(said(f"a{number}", "we look", by="us", parent=name, root=name, at=at + timedelta(minutes=30)))
    return theirs, ours


@pytest.fixture
def home(tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUBBUB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HUBBUB_DATABASE_URL", dsn)
    monkeypatch.delenv("HUBBUB_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hubbub.toml").write_text('[[brand]]\nkey = "lark"\nname = "Lark"\n')
    return tmp_path / "home"


@pytest.fixture
def hubbub(home: Path, capsys: pytest.CaptureFixture[str]) -> Hubbub:
    """`hubbub judge` in a thread of its own, as JSON."""

    async def run(*arguments: object) -> tuple[int, Any]:
        code = await asyncio.to_thread(main, ["judge", *map(str, arguments), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


class Team:
    """A brand at work: what is heard goes through the service's own bench, which takes up what is learned when its bell rings."""

    def __init__(self, ears: Ears, bench: Bench, lead: int, responder: int) -> None:
        self.pool, self.ears, self.bench = ears.pool, ears, bench
        self.brand_id, self.lead, self.responder = ears.brand_id, lead, responder
        self.bell = asyncio.Event()
        self._n = 0

    async def hear(self, *items: Mention | AuthorChanged | Deleted, now: datetime = END) -> None:
        now_judging = self.bench.now
        cursor = f"t{self._n}"
        batch = Batch(items, cursor, now)
        await record(
            self.pool, self.ears.source_id, batch, now_judging.hear, now_judging.judge, expect=self.ears.cursor, now=now
        )
        self.ears.cursor, self._n = cursor, self._n + 1

    async def thinks(self, name: str, text: str = "is the blue teapot by the river") -> Judged:
        """What is thought of a message that comes now."""
        await self.hear(said(name, text, by=f"new-{name}", at=END, named=("us",), langs=("en",)))
        id_ = await self.pool.fetchval("SELECT id FROM mentions WHERE external_id = $1", name)
        found = await judged(self.pool, id_, "lark")
        assert found is not None
        return found

    async def taken_up(self, version: str) -> None:
        self.bell.set()
        async with asyncio.timeout(10):
            while set(self.bench._methods.models if self.bench._methods else ()) != ({version} if version else set()):
                await asyncio.sleep(0.01)


@pytest.fixture
async def team(pool: asyncpg.Pool, dsn: str, home: Path) -> AsyncIterator[Team]:
    """260 decisions of four weeks: answered in the network's own app, or closed by a person."""
    rules = home.parent / "rules"
    rules.mkdir()
    (rules / "r.yaml").write_text(RULES)
    ears = await Ears.built(pool, {"r_yaml": RULES}, None)  # type: ignore[arg-type]
    lead = await people.ensure_person(pool, "ada", "Ada", ears.brand_id, Role.LEAD)
    responder = await people.ensure_person(pool, "bob", "Bob", ears.brand_id, Role.RESPONDER)
    stop = Stop()
    bench = Bench(replace(reading.load(None), rules=rules), House(dsn, pool), stop, lambda: END)
    await bench.start({"lark": ears.brand_id}, [ears.account], stored=True)
    made = Team(ears, bench, lead.id, responder.id)
    following = asyncio.create_task(bench.follow(made.bell))
    theirs, ours = messages()
    await made.hear(*theirs)
    await made.hear(*ours)
    left = await pool.fetch("SELECT id FROM conversations WHERE state = 'new'")
    await acts.do(pool, responder.id, [row["id"] for row in left], Close(), END)
    yield made
    stop.set("done")
    with contextlib.suppress(asyncio.CancelledError):
        await following


async def test_the_daily_look_is_one_programs_and_tells_what_came_of_it(
    pool: asyncpg.Pool, dsn: str, hubbub: Hubbub
) -> None:
    ears = await Ears.built(pool, {"r_yaml": RULES}, None)  # type: ignore[arg-type]
    house, stop = House(dsn, pool), Stop()
    bench = Bench(reading.load(None), house, stop, lambda: END)
    await bench.start({"lark": ears.brand_id}, [ears.account], stored=True)
    schools = [School(house, bench, {"lark": ears.brand_id}, stop, lambda: END) for _ in range(2)]
    await learned.by_settings(pool, ears.brand_id, False, END)
    await schools[0].look_at_all()
    assert (await learned.state(pool, ears.brand_id)).tried_at is None, "off"
    await learned.by_settings(pool, ears.brand_id, True, END)
    await asyncio.gather(*(school.look_at_all() for school in schools))
    state = await learned.state(pool, ears.brand_id)
    assert state.tried_at == END
    assert state.told.startswith("too few decisions to learn from: there are 0")
    assert list(told(state, None, None)) == [(True, f"nothing that was learned speaks: {state.told}", "")]

    # The same by hand; and the switch, which is a lead's.
    code, answer = await hubbub("learn", "--brand", "lark")
    assert (code, answer["told"], answer["in_force"]) == (1, state.told, "")
    assert (await hubbub("models", "off"))[1]["error"]["what"].startswith("only a lead or an admin")
    await people.ensure_person(pool, login_name(), "Me", ears.brand_id, Role.LEAD)
    code, answer = await hubbub("models", "off")
    assert (code, answer["learning"]) == (0, "off: Me switched it off")
    code, answer = await hubbub("learn", "--brand", "lark")
    assert (code, answer["error"]["what"]) == (2, "learning is off: Me switched it off")


async def test_a_team_is_learned_from_told_of_switched_off_and_forgotten_with_a_person(
    team: Team, hubbub: Hubbub, tmp_path: Path
) -> None:
    pool, brand_id = team.pool, team.brand_id
    plain = await team.thinks("before")
    assert plain.assessment.learned is None
    assert "learned" not in plain.assessment.methods

    # Learned, because it beats need on what was held back; in force at once, and taken up by the running judge.
    found = await look(pool, brand_id, END)
    assert found.counts, found.told
    assert found.decisions == MANY
    assert await learned.in_force(pool) == {brand_id: found.version}
    await team.taken_up(found.version)
    held = (await learned.numbers(pool, [found.version]))[found.version]
    assert held.measured.auc > held.measured.auc_need + 0.2

    # The next message says which model spoke, and why; its need as ever is beside it, and nothing but that number is another.
    then = await team.thinks("after")
    now = then.assessment
    assert now.methods["learned"] == then.context.model == found.version
    assert now.learned is not None
    assert now.learned > 0.7 > 0.4 > now.need
    words = [
        then.mention.text[slice(*one["spans"])] for one in now.because if one.get("signal") == f"{SAID}these words"
    ]
    assert "teapot" in words
    reasons = tuple(one for one in now.because if not str(one.get("signal", "")).startswith(SAID))
    methods = {name: version for name, version in now.methods.items() if name != "learned"}
    assert replace(now, learned=None, because=reasons, methods=methods) == plain.assessment
    rows = await pool.fetch(
        "SELECT c.state, c.priority, c.due_at, c.assignee_id, c.tags, c.snoozed_until FROM conversations AS c JOIN mentions AS m"
        " ON m.id = c.last_mention_id WHERE m.external_id IN ('before', 'after')"
    )
    assert len({tuple(map(str, row)) for row in rows}) == 1, "it moves, closes and hides nothing"
    assert await pool.fetchval("SELECT need FROM assessments WHERE need_alone IS NOT NULL") == pytest.approx(
        now.learned
    )
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0

    # What was judged is judged the same again, with the version that spoke; and a report tells both scores.
    again = team.bench.now.judge(then.mention, then.hearings, then.context, then.at)
    assert again == now
    code, report = await hubbub("report", "--weeks", 500)
    assert (code, report["decisions"]) == (0, MANY)
    assert report["by"] == {"answered": report["needed"], "closed without an answer": MANY - report["needed"]}
    measured = [
        week for week in report["weeks"] if week["compared"] == "held back" and week["figures"]["auc"] is not None
    ]
    assert measured
    assert all(week["figures"]["auc"] > week["figures"]["auc_need"] for week in measured)
    assert min(week["needed"] for week in measured) >= FEW
    assert (await hubbub("models", "export", "--out", tmp_path / "model.json"))[0] == 0
    assert "teapot" not in (tmp_path / "model.json").read_text()
    ((fine, what, _),) = await told_of_learning(team.bench.house)
    assert fine
    assert f"lark: {found.version} speaks: too few decisions since" in what

    # Off is off at once, whatever the judge has in memory; only a lead decides. On, it is back without being learned anew.
    with pytest.raises(Refused, match="only a lead"):
        await learned.switch(pool, team.responder, brand_id, False, END)
    await learned.switch(pool, team.lead, brand_id, False, END)
    assert team.bench._methods is not None
    assert found.version in team.bench._methods.models
    off = (await team.thinks("off")).assessment
    assert (off.learned, "learned" in off.methods) == (None, False)
    assert why_now(await learned.state(pool, brand_id), await learned.models(pool, brand_id), held.need) is None
    assert await learned.switch(pool, team.lead, brand_id, True, END) == found.version

    # Somebody it learned from is erased: it is gone in the same transaction, also for replays, which say so.
    gone = await pool.fetchval(
        "SELECT count(*) FROM mentions WHERE author_id = (SELECT id FROM authors WHERE external_id = 'p7')"
    )
    await team.hear(AuthorChanged(said("x", by="p7").author, "deleted"))
    assert await learned.in_force(pool) == {}
    assert await learned.numbers(pool, [found.version]) == {}
    assert await pool.fetchval("SELECT count(*) FROM learned_models WHERE numbers IS NOT NULL OR lessons <> '{}'") == 0
    erased = (await team.thinks("erased")).assessment
    assert (erased.learned, "learned" in erased.methods) == (None, False)
    await team.taken_up("")

    # It is learned anew without them, within the hour.
    await pool.execute("UPDATE learning SET tried_at = $1", END - timedelta(hours=2))
    wanted = why_now(await learned.state(pool, brand_id), await learned.models(pool, brand_id), held.need)
    assert wanted == ("a message that it learned from is gone", timedelta(minutes=40))
    left = await decisions.decided(pool, brand_id, 1000)
    assert len(left) == MANY - gone
    assert not {"p7"} & {one.judged.mention.author.external_id for one in left}

    # A single message that goes makes it stale; what is stale when the next look is over is forgotten.
    await learned.keep(pool, brand_id, held, [one.judged.mention_id for one in left], (), END)
    assert await learned.in_force(pool) == {brand_id: found.version}
    await team.hear(Deleted(Key(SPACE, "m3"), "3z"))
    (stale, *_) = await learned.models(pool, brand_id)
    assert stale.stale_at is not None
    await learned.switch(pool, team.lead, brand_id, False, END)
    await School(team.bench.house, team.bench, {"lark": brand_id}, Stop(), lambda: END).look_at_all()
    assert await learned.kept(pool, brand_id) == {}, "also while it is off"
    await learned.switch(pool, team.lead, brand_id, True, END)
    with pytest.raises(Refused, match="went while it was learned"):  # it was gathered before the message went
        await learned.keep(pool, brand_id, held, [one.judged.mention_id for one in left], (), END)
