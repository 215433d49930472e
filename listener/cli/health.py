"""`hubbub doctor` and `hubbub status`: is it well, and how is it going. Owns what counts as a finding and what to do about it.

Reads only; starts nothing but an embedded database that is there and does not run.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.errors import FixMe, NotReachable, TryAgain

if TYPE_CHECKING:
    from listener.service.database import House
    from listener.settings import Settings

ALIVE_WITHIN = timedelta(seconds=30)
LAG_WARNS = timedelta(minutes=2)
BEAT_WARNS = timedelta(seconds=90)
LITTLE_SPACE, NO_SPACE = 2 << 30, 300 << 20
FINE, WARNING, BAD = "fine", "warning", "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    state: str
    what: str
    todo: str = ""


def configure_doctor(parser: argparse.ArgumentParser) -> None:
    """The settings."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to check")
    parser.epilog = """\
examples:
  hubbub doctor
  hubbub doctor --json | jq '.checks[] | select(.state != "fine")'

Looks at the settings, the secrets, the disk, the database and its schema, the listener, every source (running, lagging,
gaps), every account, the rules and the outbox. Exit code 0: all fine; 1: something to do; 3: the database is not reachable."""


def configure_status(parser: argparse.ArgumentParser) -> None:
    """The settings."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to use")
    parser.epilog = (
        "examples:\n  hubbub status\n  watch -n5 hubbub status\n  hubbub status --json | jq .listener.latency_ms"
    )


# doctor --------------------------------------------------------------------------------------------------------------


def run_doctor(arguments: argparse.Namespace) -> int:
    """Checks everything and says what to do."""
    from listener.cli.terminal import coloured, print_json, run_async, table

    checks, code = run_async_checks(arguments.config, run_async)
    if arguments.json:
        print_json({"fine": code == 0, "checks": [asdict(check) for check in checks]})
        return code
    colours = {FINE: "green", WARNING: "yellow", BAD: "red"}
    for check in checks:
        print(f"{coloured(f'{check.state:<8}', colours[check.state])} " + table([(f"{check.name:<12}", check.what)]))
        if check.todo:
            print(table([(" " * 22, f"-> {check.todo}")]))
    return code


def run_async_checks(config: Path | None, run: Any) -> tuple[list[Check], int]:
    """All checks in order, and the exit code that they come to."""
    checks: list[Check] = []
    code = run(_doctor(config, checks))
    if code == 0 and any(check.state == BAD for check in checks):
        code = 1
    return checks, code


async def _doctor(config: Path | None, checks: list[Check]) -> int:
    from listener import settings as reading

    try:
        settings = reading.load(config)
    except FixMe as err:
        problems = [str(problem) for problem in getattr(err, "problems", ())] or [err.what]
        checks += [Check("settings", BAD, problem, err.hint) for problem in problems]
        return 1
    checks.append(
        Check(
            "settings",
            FINE,
            str(settings.file)
            if settings.file
            else f"no file: defaults, no account (yours would be {settings.paths.config})",
        )
    )
    checks += _secrets(settings)
    checks += _disk(settings)
    return await _database(settings, checks)


def _secrets(settings: Settings) -> Iterable[Check]:
    kept = [
        (account.handle, ref) for account in settings.accounts for ref in (account.secret, *account.secrets.values())
    ]
    kept += [(f"source.{name}", ref) for name, source in settings.sources.items() for ref in source.secrets.values()]
    for whose, ref in kept:
        if ref is None:
            continue
        try:
            ref.read(os.environ)
        except FixMe as err:
            yield Check("secret", BAD, f"{whose}: {err.what} ({err.where})", err.hint)
        else:
            yield Check("secret", FINE, f"{whose}: there ({ref.kind} {ref.name})")


def _disk(settings: Settings) -> Iterable[Check]:
    from listener.cli.terminal import is_path_writable

    paths = settings.paths
    for path in dict.fromkeys((paths.state, paths.logs)):
        if not is_path_writable(path):
            yield Check("folder", BAD, f"{path} cannot be written", "set HUBBUB_HOME to a folder of your own")
    folder = settings.database.embedded if settings.database.is_embedded else paths.logs
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    state = BAD if free < NO_SPACE else WARNING if free < LITTLE_SPACE else FINE
    todo = "" if state == FINE else "make room: when the disk is full nothing can be stored, and the listener waits"
    yield Check("disk", state, f"{free / (1 << 30):.1f} GB free at {folder}", todo)


async def _database(settings: Settings, checks: list[Check]) -> int:
    from listener.service.database import opened
    from listener.store import summary

    if settings.database.is_embedded and not (settings.database.embedded / "cluster").exists():
        checks.append(Check("database", WARNING, "there is none yet", "hubbub up (or hubbub serve) makes one"))
        return 0
    try:
        async with opened(settings, "hubbub doctor", migrating=False, max_size=2) as house:
            version, size = await summary.database(house.pool)
            checks.append(Check("database", FINE, f"Postgres {version}, {size / (1 << 20):.0f} MB, schema is current"))
            await _inside(settings, house, checks)
    except (NotReachable, TryAgain) as err:
        checks.append(Check("database", BAD, f"{err.where}: {err.what}", err.hint))
        return 3
    except FixMe as err:
        checks.append(Check("database", BAD, err.what, err.hint))
        return 1
    return 0


async def _inside(settings: Settings, house: House, checks: list[Check]) -> None:
    now = datetime.now(UTC)
    checks += await _listener(settings, house, now)
    checks += await _sources(house, now)
    checks += await _accounts(house)
    checks += await _rules(house)
    checks += await _outbox(house)


async def _listener(settings: Settings, house: House, now: datetime) -> list[Check]:
    from listener.cli.terminal import moment
    from listener.service import processes
    from listener.store import alive

    found = []
    here = {running.pid for running in processes.find_all(settings.paths)}
    rows = await alive.programs(house.pool)
    for program in rows:
        age = moment(program.beat_at, now)
        where = f"process {program.pid} on {program.host}, last sign of life {age}"
        if now - program.beat_at > ALIVE_WITHIN:
            todo = "it died or hangs: look into its log and start it again (hubbub up, or hubbub serve)"
            found.append(Check(program.name, BAD, where, todo))
        else:
            waits = program.state.get("problem")
            state = WARNING if waits else FINE
            found.append(Check(program.name, state, f"{where}{f'; it waits: {waits}' if waits else ''}"))
            for handle, why in program.state.get("refused", {}).items():
                found.append(Check("account", BAD, f"{handle}: {why}", "mend that, then start the listener again"))
    if not rows:
        state = WARNING if here else BAD
        found.append(
            Check(
                "listener", state, "starting" if here else "not running", "" if here else "hubbub up, or hubbub serve"
            )
        )
    return found


async def _sources(house: House, now: datetime) -> list[Check]:
    from listener.cli.terminal import moment
    from listener.store import sources
    from listener.store.source_health import is_inside

    found = []
    for row in await sources.health(house.pool):
        if row.key.startswith("import/") or row.state == "finished" or is_inside(row.key):
            continue
        lag = (row.heard_at - row.item_at) if row.heard_at and row.item_at else None
        what = f"{row.state}, last sign of life {moment(row.beat_at, now)}, {row.stored} stored, {row.rejects} rejects"
        state, todo = FINE, ""
        if row.state == "stopped":
            state, what, todo = BAD, f"stopped: {row.problem}", "mend that, then start the listener again"
        elif row.state == "paused":
            state, what = WARNING, f"paused by one of you, {row.stored} stored"
        elif row.beat_at is None or now - row.beat_at > BEAT_WARNS:
            state, todo = BAD, "is the listener running? its log says what it waits for"
        elif lag is not None and lag > LAG_WARNS:
            state, todo = (
                WARNING,
                f"{lag.total_seconds():.0f} s behind the network: it is catching up, or the machine is too slow",
            )
        if row.open_gaps:
            state = WARNING if state == FINE else state
            todo = todo or f"{row.open_gaps} gaps: what was said then may be missing (hubbub status --json lists them)"
        found.append(Check(row.key.partition("/")[2][:30] or row.key, state, what, todo))
    return found


async def _accounts(house: House) -> list[Check]:
    from listener.store import summary

    found = []
    for account in await summary.account_states(house.pool):
        if account.state == "stopped":
            found.append(
                Check(
                    "account", BAD, f"{account.handle}: {account.problem}", "mend that, then start the listener again"
                )
            )
        else:
            found.append(Check("account", FINE, f"{account.handle} on {account.source}: {account.state}"))
    return found


async def _rules(house: House) -> list[Check]:
    from listener.store import rulebooks

    health = await rulebooks.last_health(house.pool)
    if health is None:
        return [Check("rules", WARNING, "no rulebook was loaded yet", "the listener loads it when it starts")]
    if health.problems:
        todo = "mend the files; until then the last good rulebook judges"
        return [Check("rules", BAD, str(problem), todo) for problem in health.problems[:20]]
    return [Check("rules", FINE, f"rulebook {(health.hash or '')[:12]} is in force")]


async def _outbox(house: House) -> list[Check]:
    from listener.store import summary

    states = await summary.outbox_states(house.pool)
    waiting = {state: states[state] for state in ("unknown", "failed", "stopped") if states.get(state)}
    if waiting:
        told = ", ".join(f"{n} {state}" for state, n in waiting.items())
        return [
            Check("outbox", WARNING, f"{told}", "a person decides: open them in the inbox (send again, or take back)")
        ]
    return [Check("outbox", FINE, ", ".join(f"{n} {state}" for state, n in sorted(states.items())) or "empty")]


# status --------------------------------------------------------------------------------------------------------------


def run_status(arguments: argparse.Namespace) -> int:
    """Shows how it is going. Exit code 1 when no listener is alive."""
    from listener import settings as reading
    from listener.cli.terminal import print_json, run_async

    settings = reading.load(arguments.config)

    async def status() -> int:
        found = await gather(settings)
        if arguments.json:
            print_json(found)
        else:
            _print_status(found)
        return 0 if found["alive"] else 1

    return run_async(status())


async def gather(settings: Settings) -> dict[str, Any]:
    """Everything that `status` shows."""
    from listener.service.database import opened
    from listener.store import alive, inbox, people, rulebooks, sources, summary

    if settings.database.is_embedded and not (settings.database.embedded / "cluster").exists():
        raise FixMe(
            "there is no database yet",
            where=str(settings.database.embedded),
            hint="hubbub up makes one; hubbub demo shows it",
        )
    now = datetime.now(UTC)
    async with opened(settings, "hubbub status", migrating=False, max_size=2) as house:
        pool = house.pool
        programs = await alive.programs(pool)
        folders = {
            key: dict((await inbox.counts(pool, brand_id, 0)).folders) for brand_id, key, _ in await people.brands(pool)
        }
        health = await rulebooks.last_health(pool)
        return {
            "alive": any(now - program.beat_at <= ALIVE_WITHIN for program in programs),
            "programs": [asdict(program) for program in programs],
            "sources": [asdict(row) for row in await sources.health(pool)],
            "gaps": [asdict(gap) for gap in await sources.gaps(pool) if gap.state != "filled"],
            "accounts": [asdict(account) for account in await summary.account_states(pool)],
            "folders": folders,
            "outbox": await summary.outbox_states(pool),
            "rules": {"hash": health.hash, "problems": [str(p) for p in health.problems]} if health else None,
            "at": now,
        }


def _print_status(found: dict[str, Any]) -> None:
    from listener.cli.terminal import moment, table

    now = found["at"]
    if not found["programs"]:
        print("no listener runs (hubbub up, or hubbub serve)")
    for program in found["programs"]:
        state = program["state"]
        latency = state.get("latency_ms", {})
        told = (
            f"event to commit p50 {latency['p50']} ms, p99 {latency['p99']} ms"
            if latency.get("n")
            else "nothing measured yet"
        )
        print(
            f"{program['name']}: process {program['pid']}, last sign of life {moment(program['beat_at'], now)}; {told}"
        )
        if state.get("problem"):
            print(f"  waits: {state['problem']}")
    rows = [
        (
            row["key"],
            row["state"],
            f"{row['heard']:,} heard",
            f"{row['stored']:,} stored",
            f"{row['rejects']} rejects",
            row["problem"],
        )
        for row in found["sources"]
    ]
    if rows:
        print("\nsources\n" + table(rows, "  "))
    for gap in found["gaps"]:
        print(f"  gap in {gap['source']}: {gap['start']:%Y-%m-%d %H:%M} to {gap['end']:%H:%M}: {gap['cause']}")
    for brand, folders in found["folders"].items():
        print(f"\n{brand}: " + ", ".join(f"{n} {folder}" for folder, n in folders.items()))
    print("outbox: " + (", ".join(f"{n} {state}" for state, n in sorted(found["outbox"].items())) or "empty"))
    print(_rules_told(found["rules"]))


def _rules_told(rules: Mapping[str, Any] | None) -> str:
    from listener.cli.terminal import counted
    from listener.harmless import harmless

    if rules is None:
        return "rules: none were loaded yet; the listener loads them when it starts"
    in_force = f"{rules['hash'][:12]} in force" if rules["hash"] else "none in force"
    problems = rules["problems"]
    if not problems:
        return f"rules: {in_force}"
    found = counted(len(problems), "problem")
    more = [f"and {len(problems) - 5} more: hubbub rules check"] if len(problems) > 5 else []
    told = [*map(harmless, problems[:5]), *more]
    return "\n  ".join(
        [f"rules: {in_force}; the files were saved with {found} and are refused until that is mended", *told]
    )
