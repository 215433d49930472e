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

from listener.errors import FixMe, NotReachable, Refused, TryAgain

if TYPE_CHECKING:
    from listener.service.database import House
    from listener.settings import Settings
    from listener.store.source_views import SourceState

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

Looks at the settings, the secrets, the disk, models of tone, the database and its schema, the listener, every source (running, lagging,
paused, stopped, gaps, logins that end soon), the door for webhooks, every account, the rules, what was learned, the outbox,
incidents, and who would be told.
Exit code 0: all fine; 1: something to do; 3: the database is not reachable."""


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
    checks += _tones(settings)
    return await _database(settings, checks)


def _secrets(settings: Settings) -> Iterable[Check]:
    kept = [
        (account.handle, ref) for account in settings.accounts for ref in (account.secret, *account.secrets.values())
    ]
    kept += [(f"source.{name}", ref) for name, source in settings.sources.items() for ref in source.secrets.values()]
    kept += [(f"receiver {one.name}", ref) for one in settings.receivers for ref in one.secrets.values()]
    kept += [("heartbeat", settings.alerts.heartbeat)]
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


def _tones(settings: Settings) -> Iterable[Check]:
    from listener.service.tones import read_tone, tried

    for one in settings.tones:
        try:
            model = read_tone(one, lambda _: None)
        except FixMe as err:
            yield Check("tone", BAD, f"{one.lang}: {err.what} ({err.where})", err.hint)
            continue
        told, how = f"{one.lang}: {model.method} from {one.folder}", tried(model)
        if how.trouble:
            yield Check("tone", BAD, f"{told} scores nothing: {how.trouble}", f"mend it, or take out {one.place}")
        else:
            todo = "what is heard waits for it: take a smaller model, or one in 8 bits" if how.slow else ""
            state = WARNING if how.slow else FINE
            yield Check("tone", state, f"{told}, {1000 * how.seconds:.0f} ms for the longest text", todo)


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
    checks += await _door(settings, house)
    checks += await _accounts(house)
    checks += await _rules(house)
    checks += await _learning(house)
    checks += await _outbox(house)
    checks += await _alerts(settings, house, now)
    checks += await _telling(settings, house, now)


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
    from listener.store import source_health

    found = []
    for state in await source_health.everything(house.pool, now):
        if not (state.source == "import" or state.state == "finished"):
            found += source_checks(state, now)
    return found


def source_checks(state: SourceState, now: datetime) -> list[Check]:
    """What there is to say of one stream: how it is, and when its login ends."""
    from listener.cli.terminal import moment
    from listener.store.source_views import ENDS_SOON

    name = state.key.partition("/")[2][:30] or state.key
    again = f"hubbub sources resume {state.key}"
    how, todo = FINE, ""
    what = (
        f"{state.said(now)}, last sign of life {moment(state.beat_at, now)}, {state.stored} stored, "
        f"{sum(state.rejects.values())} rejects"
    )
    if state.wanted == "paused":
        by = f" by {state.wanted_by} {moment(state.wanted_at, now)}" if state.wanted_by else " by one of you"
        how, what, todo = WARNING, f"paused{by}, {state.stored} stored", f"{again} goes on from where it was"
    elif state.state == "stopped":
        how, what, todo = BAD, f"stopped: {state.problem}", f"mend that (hubbub connect signs in again), then: {again}"
    elif state.beat_at is None or now - state.beat_at > BEAT_WARNS:
        how, todo = BAD, "is the listener running? its log says what it waits for"
    elif state.lag is not None and state.lag > LAG_WARNS:
        behind = f"{state.lag.total_seconds():.0f} s behind the network"
        how, todo = WARNING, f"{behind}: it is catching up, or the machine is too slow"
    if missed := [gap for gap in state.gaps if gap.state in {"open", "failed"}]:
        how = WARNING if how == FINE else how
        todo = todo or f"{len(missed)} gaps: what was said then may be missing (hubbub sources fill {state.key})"
    found = [Check(name, how, what, todo)]
    if state.login_until is not None and state.login_until - now < ENDS_SOON:
        ended = state.login_until <= now
        when = f"its login {'ended' if ended else 'ends'} {moment(state.login_until, now)}"
        found.append(Check(name, BAD if ended else WARNING, when, f"sign in again: hubbub connect {state.source}"))
    if state.failed:
        told = f"{state.failed} deliveries could not be read"
        found.append(Check(name, WARNING, told, "after an upgrade: hubbub sources deliveries --replay --since 90d"))
    return found


async def _door(settings: Settings, house: House) -> list[Check]:
    """Whether webhooks can reach us, where a network that is set up has some: the door answers, and something was ever delivered."""
    from listener.service import wiring
    from listener.service.hooks.stream import key_of
    from listener.service.run import version
    from listener.store import deliveries
    from listener.webclient.client import WebClient

    web = WebClient(version())
    try:
        try:
            sources = wiring.build(settings, web, lambda _: True, lambda: datetime.now(UTC), listens=False)
        except FixMe:
            return []  # a secret is missing, which is told already
        hooks = [(key_of(source.name, hook), hook.name) for source in sources.values() for hook in source.hooks]
        if not hooks and not settings.door.wanted:
            return []
        where = f"{settings.door.host}:{settings.door.port}"
        try:
            host = "127.0.0.1" if settings.door.host in {"0.0.0.0", "::"} else settings.door.host  # noqa: S104
            await web.get(f"http://{f'[{host}]' if ':' in host else host}:{settings.door.port}/health", timeout=5.0)
        except (TryAgain, FixMe, Refused) as err:
            if not err.code.startswith("http_"):
                todo = "is the listener running, and does nobody else use that port? [door] says where it opens"
                return [Check("door", BAD, f"nobody answers at {where}: {err.what}", todo)]
        found = [Check("door", FINE, f"answers at {where}")]
        heard = {row.hook for row in await deliveries.states(house.pool)}
        for key, name in hooks:
            if key not in heard:
                todo = (
                    f"the network must reach /hooks/{name} by an address on the internet: a proxy before {where} "
                    "passes it on (docs/door.md), and the network is told that address"
                )
                found.append(Check("door", WARNING, f"nothing was delivered to /hooks/{name} lately", todo))
        return found
    finally:
        await web.close()


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


async def _learning(house: House) -> list[Check]:
    from listener.cli.judging_health import told_of_learning

    return [
        Check("learning", FINE if fine else WARNING, what, todo) for fine, what, todo in await told_of_learning(house)
    ]


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


async def _alerts(settings: Settings, house: House, now: datetime) -> list[Check]:
    """Incidents that nobody has acknowledged or was told of, and alerts of which nobody would be told."""
    from listener.cli import calendars
    from listener.cli.terminal import counted, moment
    from listener.incidents.escalation import Staffed
    from listener.incidents.reaching import unreached
    from listener.rulebook.parse import parse
    from listener.rulebook.published import with_calendars
    from listener.rulebook.shape import Rulebook
    from listener.store import calendars as kept
    from listener.store import incident_lists, rulebooks

    found: list[Check] = []
    standing = await incident_lists.standing(house.pool)
    for id_ in standing.undelivered:
        told = f"incident {id_} could not be delivered to anybody"
        found.append(Check("incidents", BAD, told, f"hubbub incidents show {id_}, and mend the receivers"))
    if standing.waiting:
        told = f"{counted(standing.waiting, 'incident')} acknowledged by nobody, the oldest opened {moment(standing.oldest, now)}"
        found.append(Check("incidents", WARNING, told, "hubbub incidents; hubbub incidents ack ID"))
    else:
        told = f"none waits for somebody; {standing.acknowledged} acknowledged, {standing.muted} silent"
        found.append(Check("incidents", FINE, told))
    published = await rulebooks.in_force(house.pool)
    book = None if published is None else parse(published.files)
    if isinstance(book, Rulebook):
        names, states = [one.name for one in settings.calendars], await kept.states(house.pool)
        found += [Check(*one) for one in calendars.checks(book, names, states, now)]
        book = with_calendars(book, calendars.published(states))
        staff = Staffed.of(book, [one.name for one in settings.receivers], settings.reach)
        if not staff.receivers and staff.alerts:
            hint = "add [[receiver]] to the settings; hubbub alerts route shows who would be told"
            return [*found, Check("alerts", WARNING, "nobody would be told of any alert: no receiver is set", hint)]
        found += [Check("alerts", BAD if one.nobody else WARNING, one.what, one.hint) for one in unreached(staff)]
    return found


async def _telling(settings: Settings, house: House, now: datetime) -> list[Check]:
    from listener.cli import telling
    from listener.store import alive

    found = await telling.pages(settings, house, now)
    found += await telling.links(settings, house)
    found += telling.outside(settings, await alive.programs(house.pool))
    return [Check(*one) for one in found]


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
