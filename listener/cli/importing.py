"""`hubbub import FILE`: history from JSONL or CSV. Owns the dialogue about a file; reading it is the source's, storing it the store's.

Resumable and harmless when run twice. Imported history alerts nobody, has no due time and no unread mark, unless --as-new.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.model.heard import Hearing, Mention
    from listener.service.database import House
    from listener.service.rules import Bench
    from listener.settings import Settings
    from listener.sources.files import ImportStream

SHOWN_REJECTS = 20


def configure_import(parser: argparse.ArgumentParser) -> None:
    """The file, and how to read it."""
    parser.add_argument("file", type=Path, metavar="FILE", help="JSONL or CSV, plain or gzipped")
    parser.add_argument(
        "--map", action="append", default=[], metavar="FIELD=COLUMN",
        help="which column is which: id, text, author, at, parent, root, lang, url, source; the rest is guessed and told",
    )  # fmt: skip
    parser.add_argument(
        "--ours", metavar="COLUMN=VALUE", help="such rows were written by us: they are answers, not mentions"
    )
    parser.add_argument("--only", metavar="COLUMN=VALUE", help="take such rows only")
    parser.add_argument("--topic", metavar="TOPIC", help="list all of it under this topic in Listening")
    parser.add_argument("--name", default="", metavar="NAME", help="names the ids' space; default: the file's name")
    parser.add_argument("--encoding", default="utf-8", metavar="NAME", help="of the text; default utf-8")
    parser.add_argument("--as-new", action="store_true", help="treat it as news: due times, unread marks")
    parser.add_argument("--brand", metavar="KEY", help="which brand; default: the first")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to use")
    parser.epilog = """\
examples:
  hubbub import tweets.csv --topic airlines --map author=name --map at=tweet_created
  hubbub import support.csv.gz --map id=tweet_id --map author=author_id --ours inbound=False
  hubbub import export.jsonl --map author=user.name --as-new --json

Stopped half-way (Ctrl-C, a crash) it goes on where it was; a second run of the same file changes nothing. Rows that
cannot be used are kept and reported with their line numbers; exit code 1 when there are any."""


@dataclass(slots=True)
class Tally:
    """What an import came to."""

    rows: int = 0
    new: int = 0
    repeated: int = 0
    edited: int = 0
    rejects: int = 0
    conversations: int = 0
    seconds: float = 0.0
    columns: str = ""
    shown: list[str] = field(default_factory=list)


def run_import(arguments: argparse.Namespace) -> int:
    """Imports the file; exit code 1 when rows were rejected."""
    from listener import settings as reading
    from listener.cli.terminal import print_json, run_async, say
    from listener.sources.files import ImportPlan

    settings = reading.load(arguments.config)
    plan = ImportPlan(
        path=arguments.file,
        columns=dict(pair(text, "--map") for text in arguments.map),
        ours=pair(arguments.ours, "--ours") if arguments.ours else None,
        only=pair(arguments.only, "--only") if arguments.only else None,
        topic=arguments.topic,
        name=arguments.name,
        as_new=arguments.as_new,
        encoding=arguments.encoding,
    )
    tally = Tally()
    code = run_async(_import(settings, plan, tally, brand=arguments.brand, quiet=arguments.json))
    if arguments.json:
        print_json(tally)
        return code
    if tally.rows == 0 and tally.rejects == 0:
        print("nothing to do: this file was imported before, to its end")
        return code
    rate = f", {tally.rows / tally.seconds:,.0f} rows/s" if tally.seconds > 0 else ""
    print(
        f"{tally.rows:,} rows: {tally.new:,} new, {tally.repeated:,} known already, {tally.edited:,} changed, "
        f"{tally.rejects:,} rejected; {tally.conversations:,} conversations{rate}"
    )
    for line in tally.shown[:SHOWN_REJECTS]:
        say(f"  {arguments.file}: {line}")
    if len(tally.shown) > SHOWN_REJECTS:
        say(f"  and {len(tally.shown) - SHOWN_REJECTS} more; hubbub import --json lists them all")
    return code


def pair(text: str, option: str) -> tuple[str, str]:
    """NAME=VALUE of an option, as its two sides."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise FixMe(
            f"{option} {text!r} is not NAME=VALUE",
            hint="for example --map text=body, --ours inbound=False",
            code="usage",
        )
    return name.strip(), value.strip()


async def _import(settings: Settings, plan: Any, tally: Tally, *, brand: str | None, quiet: bool) -> int:
    from listener.cli.terminal import Bar, say
    from listener.service.database import opened
    from listener.service.listen import wall_clock
    from listener.service.rules import Bench
    from listener.service.stopping import Stop
    from listener.sources.files import ImportStream
    from listener.store import people

    stream = ImportStream(plan)
    tally.columns = str(stream.columns)
    if not quiet:
        say(f"columns: {stream.columns}")
    tell = (lambda _: None) if quiet else say
    async with opened(settings, "hubbub import", migrating=True, say=tell) as house:
        stop = Stop()
        brand_id = await _brand_id(settings, house, brand)
        bench = Bench(settings, house, stop, wall_clock)
        for author in await stream.ours_authors():
            await people.ensure_account(
                house.pool, brand_id, "import", author.space, author.external_id, author.handle or author.external_id
            )
        await bench.start(
            {key: number for number, key, _ in await people.brands(house.pool)},
            await people.accounts(house.pool),
            stored=True,
        )
        started = time.monotonic()
        async with house.holds.hold(stream.key):
            await _take_in(house, stream, bench, brand_id, tally, Bar(plan.path.stat().st_size, "bytes", quiet=quiet))
        tally.seconds = time.monotonic() - started
    return 1 if tally.rejects else 0


async def _take_in(house: House, stream: ImportStream, bench: Bench, brand_id: int, tally: Tally, bar: Any) -> None:
    from datetime import UTC, datetime

    from listener.model.heard import Reject
    from listener.store import sources
    from listener.store.record import record
    from listener.store.upkeep import fold

    now = datetime.now(UTC)
    done_before = {row.key for row in await sources.health(house.pool) if row.state == "finished"}
    if stream.key in done_before:
        return
    source = await sources.open_source(house.pool, stream.key, now)
    cursor = source.cursor
    judgement = bench.now
    ears = _ears(bench, brand_id, stream.plan.topic)
    try:
        async for batch in stream.batches(cursor):
            judge = await judgement.prepared(batch, ears)
            recorded = await record(house.pool, source.id, batch, ears, judge, expect=cursor, now=datetime.now(UTC))
            cursor = batch.cursor
            tally.rows += batch.heard
            tally.new += recorded.new
            tally.edited += recorded.edited
            tally.repeated += recorded.repeated
            tally.rejects += recorded.rejects
            tally.conversations += len(recorded.opened)
            tally.shown += [item.detail for item in batch.items if isinstance(item, Reject)]
            read, _ = stream.progress
            bar.show(read, f"{tally.rows:,} rows, {tally.rejects:,} rejected")
            await fold(house.pool)
    finally:
        bar.end()


def _ears(bench: Bench, brand_id: int, topic: str | None) -> Any:
    """An imported row is always heard, as an import; its topics are the rulebook's and the one named."""
    from listener.model.heard import Hearing
    from listener.model.kinds import Via

    hearer = bench.now.hearer

    def hear(mention: Mention) -> Sequence[Hearing]:
        if own := hearer.own(mention):
            return own
        found = [hearing for hearing in hearer.hear(mention) if hearing.brand_id == brand_id]
        found.append(Hearing(brand_id, Via.IMPORT))
        if topic:
            found.append(Hearing(brand_id, Via.TOPIC, topic=topic))
        return tuple(dict.fromkeys(found))

    return hear


async def _brand_id(settings: Settings, house: House, key: str | None) -> int:
    from listener.store import people

    for brand in settings.brands:
        await people.ensure_brand(house.pool, brand.key, brand.name, brand.zone)
    found = {brand_key: number for number, brand_key, _ in await people.brands(house.pool)}
    wanted = key or settings.brands[0].key
    if wanted not in found:
        raise FixMe(f"there is no brand {wanted!r}", hint=f"there are: {', '.join(found)}")
    return found[wanted]
