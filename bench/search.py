"""Searches over 1,000,000 stored mentions: one word, two, a phrase, NEAR, fields in a range, inside the open inbox, and pages of a view.

Each beside the textbook's way in Postgres in the same run: a column of to_tsvector with an index, newest 50, without a matcher behind it.
Texts are drawn from a vocabulary by Zipf's law; the words to search for likewise, without the 10 most common. Milliseconds on one
connection, warm, ours with all that a screen shows of a row.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg

from listener.query.tree import And, Field, Moment, Near, Node, Not, Period, Phrase, Range, Text, Wild, Word
from listener.query.words import index_words
from listener.store import inbox
from listener.store.connect import connect, connect_pool
from listener.store.embedded import embedded
from listener.store.migrate import migrate
from listener.store.programs import scratch_folder
from tests.store.world import NOW, World, world

SEED = 20261124
VOCABULARY = 30_000
LENGTH = 16
"""Words of a text, on average."""

Ask = Callable[[], Awaitable[Any]]

# The tables as they would be; triggers and keys to other tables are only in the way while they are filled.
FILL = [
    "SET session_replication_role = replica",
    "DROP INDEX mention_versions_words",
    """INSERT INTO authors (id, space, external_id, handle, name, followers, verified, first_at) OVERRIDING SYSTEM VALUE
       SELECT 1000 + i, 'b', 'did:' || i, 'author' || i || '.example', 'Author ' || i, (10 ^ (7 * random() ^ 4))::bigint, random() < 0.02, $NOW
       FROM generate_series(0, $N / 10) AS i""",
    """INSERT INTO mentions (id, space, external_id, source, author_id, ours, kind, root, lang, heard_at, at, network_at, likes)
       OVERRIDING SYSTEM VALUE
       SELECT i, 'b', 'm' || i, 'bluesky', 1000 + (random() ^ 2 * $N / 10)::int, false, CASE WHEN i % 3 = 0 THEN 'reply' ELSE 'post' END,
              'm' || i, CASE WHEN i % 5 = 0 THEN 'de' ELSE 'en' END, t, t, t, (random() ^ 8 * 10000)::int
       FROM generate_series(1, $N) AS i, LATERAL (SELECT $NOW - ($N - i) * interval '3 seconds' AS t) AS t""",
    """INSERT INTO mention_versions (mention_id, version, revision, content_id, text, words, links, tags, heard_at)
       SELECT m.id, 1, '', '', w.text, array_to_tsvector(w.forms), '{}', '{}', m.at
       FROM mentions m, LATERAL (
           SELECT string_agg(v.word, ' ') AS text, array_agg(DISTINCT v.form) AS forms
           FROM generate_series(1, 8 + (random() * 2 * $LENGTH)::int % (2 * $LENGTH - 15) + 0 * m.id) AS k,
                LATERAL (SELECT floor(exp(random() * ln($VOCABULARY)))::int + 0 * k AS r OFFSET 0) AS dice
           JOIN vocabulary v ON v.rank = dice.r
       ) AS w""",
    "CREATE INDEX mention_versions_words ON mention_versions USING gin (words)",
    """INSERT INTO hearings (mention_id, brand_id, topic, source_id, via, at, heard_at)
       SELECT id, $BRAND, 'acme', $SOURCE, 'topic', at, at FROM mentions""",
    """INSERT INTO assessments (mention_id, brand_id, version, rulebook, methods, tone, tone_compound, need, priority, because, context, at)
       SELECT id, $BRAND, 1, 'h', '{}', 'neutral', random() - 0.5, random() ^ 4, 2, '[]', '{}', at FROM mentions""",
    """INSERT INTO conversations (id, brand_id, space, root, author_id, source, origin, state, priority, need, tone, sort_key, opened_at, last_at,
                                  last_mention_id, changed_at, unread, assignee_id) OVERRIDING SYSTEM VALUE
       SELECT id, $BRAND, 'b', root, author_id, 'bluesky', 'addressed', CASE WHEN id % 16 = 0 THEN 'new' ELSE 'done' END, 2, 0, 'neutral',
              (random() * 1e12)::bigint, at, at, id, at, random() < 0.3, CASE WHEN id % 320 = 0 THEN $MIA END
       FROM mentions WHERE id % 16 IN (0, 1)""",
    "INSERT INTO conversation_mentions SELECT id, last_mention_id FROM conversations",
    "SELECT open_words_fill(array_agg(id)) FROM conversations WHERE folder = 'open'",
    """CREATE TABLE textbook AS
       SELECT m.id, m.at, a.followers, j.need, CASE WHEN m.id % 16 = 0 THEN 'open' WHEN m.id % 16 = 1 THEN 'done' END AS status, v.text,
              to_tsvector('simple', v.text) AS words
       FROM mentions m JOIN mention_versions v ON v.mention_id = m.id JOIN authors a ON a.id = m.author_id
       JOIN assessments j ON j.mention_id = m.id""",
    "CREATE INDEX textbook_words ON textbook USING gin (words)",
    "CREATE INDEX textbook_at ON textbook (at DESC)",
    "CREATE INDEX textbook_followers ON textbook (followers)",
    "CREATE INDEX textbook_need ON textbook (need)",
    "CREATE INDEX textbook_open ON textbook (at DESC) WHERE status = 'open'",
    "SET session_replication_role = origin",
    "VACUUM ANALYZE",
]


def vocabulary(dice: random.Random) -> list[str]:
    """Words that look like words, each once."""
    parts = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        words["".join(dice.choice(parts) for _ in range(dice.randrange(2, 5)))] = None
    return list(words)


async def fill(connection: asyncpg.Connection, w: World, words: list[str], n: int) -> None:
    """`n` mentions, each heard, judged and some of them conversations."""
    await connection.execute("SET enable_seqscan = on")
    await connection.execute("CREATE TABLE vocabulary (rank int PRIMARY KEY, word text NOT NULL, form text NOT NULL)")
    rows = [(rank, word, index_words(word)[0]) for rank, word in enumerate(words, start=1)]
    await connection.copy_records_to_table("vocabulary", schema_name="hubbub", records=rows)
    named = {
        "$NOW": f"'{NOW.isoformat()}'::timestamptz",
        "$VOCABULARY": str(VOCABULARY),
        "$LENGTH": str(LENGTH),
        "$BRAND": str(w.brand_id),
        "$SOURCE": str(w.source_id),
        "$MIA": str(w.mia.id),
        "$N": str(n),
    }
    for statement in FILL:
        for name, value in named.items():
            statement = statement.replace(name, value)
        began = time.perf_counter()
        await connection.execute(statement, timeout=None)
        print(
            f"# {time.perf_counter() - began:6.1f} s  {' '.join(statement.split())[:70]}", file=sys.stderr, flush=True
        )


async def timed(ask: Ask) -> float:
    """Milliseconds of one answer."""
    started = time.perf_counter()
    await ask()
    return (time.perf_counter() - started) * 1000


async def beside(bench: str, pairs: list[tuple[Ask, Ask]], peer_is: str) -> None:
    """Both in turn, for each of the questions; one line for the median and one for the 99th percentile."""
    for ours, peer in pairs[:5]:
        await ours()
        await peer()
    mine, theirs = [], []
    for ours, peer in pairs:
        mine.append(await timed(ours))
        theirs.append(await timed(peer))
    for name, of in (("p50", statistics.median), ("p99", lambda times: statistics.quantiles(times, n=100)[98])):
        a, b = of(mine), of(theirs)
        figure = {"bench": f"{bench}, {name}", "ours": round(a, 3), "peer": round(b, 3), "peer_is": peer_is}
        print(json.dumps(figure | {"ratio": round(a / b, 3), "unit": "ms"}), flush=True)


NEWEST = "SELECT id, at, text FROM textbook WHERE {} ORDER BY at DESC LIMIT 50"
OPEN = Field("is", (Text("open", "open"),))


class Bench:
    """All questions to one house."""

    def __init__(self, w: World, textbook: asyncpg.Pool, words: list[str], n: int, repeats: int) -> None:
        self.w = w
        self.textbook = textbook
        self.words = words
        self.n = n
        self.repeats = repeats
        self.dice = random.Random(SEED)

    def word(self) -> str:
        """A word as texts hold them, none of the 10 most common."""
        return self.words[int(10 * (VOCABULARY / 10) ** self.dice.random()) - 1]

    async def stretch(self, size: int) -> list[str]:
        """Words in a row of some text."""
        while True:
            text: str = await self.w.pool.fetchval(
                "SELECT text FROM mention_versions WHERE mention_id = $1", self.dice.randrange(1, self.n)
            )
            words = text.split()
            at = self.dice.randrange(len(words) - size + 1)
            if len(set(words[at : at + size])) == size:
                return words[at : at + size]

    def ours(self, tree: Node) -> Ask:
        """The search box."""
        return lambda: inbox.search(self.w.pool, self.w.brand_id, tree, NOW, me=self.w.mia.login, seconds=60)

    def view(self, tree: Node) -> Ask:
        """A page of a view."""
        return lambda: inbox.view_page(self.w.pool, self.w.brand_id, tree, NOW, me=self.w.mia.login, seconds=60)

    def peer(self, condition: str, *values: Any) -> Ask:
        """The textbook's newest 50."""
        return lambda: self.textbook.fetch(NEWEST.format(condition), *values)

    async def run(self) -> None:
        """One kind after the other."""
        tsquery = "words @@ $1::text::tsquery"
        one, two, phrase, near, wild, both = [], [], [], [], [], []
        inside, inside_two, view = [], [], []
        for _ in range(self.repeats):
            a, b = self.word(), self.word()
            one.append((self.ours(Word(a)), self.peer(tsquery, a)))
            two.append((self.ours(And((Word(a), Word(b)))), self.peer(tsquery, f"{a} & {b}")))
            wild.append((self.ours(Wild(f"{a[:4]}*")), self.peer(tsquery, f"{a[:4]}:*")))
            both.append((self.ours(And((Word(a), Not(Word(b))))), self.peer(tsquery, f"{a} & !{b}")))
            inside.append((self.ours(And((OPEN, Word(a)))), self.peer(f"status = 'open' AND {tsquery}", a)))
            inside_two.append(
                (self.ours(And((OPEN, Word(a), Word(b)))), self.peer(f"status = 'open' AND {tsquery}", f"{a} & {b}"))
            )
            view.append((self.view(Word(a)), self.peer(f"status = 'open' AND {tsquery}", a)))
            c, d = await self.stretch(2)
            phrase.append((self.ours(Phrase((Word(c), Word(d)))), self.peer(tsquery, f"{c} <-> {d}")))
            c, *_, d = await self.stretch(4)
            apart = " | ".join(f"({x} <{k}> {y})" for k in range(1, 7) for x, y in ((c, d), (d, c)))
            near.append((self.ours(Near(Word(c), Word(d), 5)), self.peer(tsquery, apart)))
        book = "to_tsvector, GIN, newest 50"
        await beside("search, one word", one, book)
        await beside("search, two words", two, book)
        await beside("search, phrase", phrase, f"{book}, <->")
        await beside("search, NEAR/5", near, f"{book}, <1> to <6> both ways")
        await beside("search, word*", wild, book)
        await beside("search, one word and not another", both, book)
        await beside("search, open inbox, one word", inside, f"{book}, status = 'open'")
        await beside("search, open inbox, two words", inside_two, f"{book}, status = 'open'")
        await beside("view page, one word", view, f"{book}, status = 'open'")
        like = self.words[4000]
        few = max(3, self.repeats // 50)
        await beside(
            "search, one rare word", [(self.ours(Word(like)), self.peer("text ILIKE $1", f"%{like}%"))] * few, "ILIKE"
        )
        await self.fields(like)

    async def fields(self, word: str) -> None:
        """Ranges and times."""
        times = max(20, self.repeats // 4)
        day = NOW - timedelta(days=3)
        for name, tree, condition, values in (
            ("followers:>10k", Field("followers", (Range(10_000, None, low_in=False),)), "followers > 10000", ()),
            ("followers:>9m", Field("followers", (Range(9_000_000, None, low_in=False),)), "followers > 9000000", ()),
            ("need:>=0.7", Field("need", (Range(0.7, None),)), "need >= 0.7", ()),
            ("need:>=0.9999", Field("need", (Range(0.9999, None),)), "need >= 0.9999", ()),
            (
                "two days of time",
                Field("time", (Period(Moment(at=day - timedelta(days=2)), Moment(at=day)),)),
                "at >= $1 AND at < $2",
                (day - timedelta(days=2), day),
            ),
            (
                "a word in two days",
                And((Word(word), Field("time", (Period(Moment(at=day - timedelta(days=2)), Moment(at=day)),)))),
                f"words @@ '{word}'::tsquery AND at >= $1 AND at < $2",
                (day - timedelta(days=2), day),
            ),
            (
                "is:open need:>=0.7",
                And((OPEN, Field("need", (Range(0.7, None),)))),
                "status = 'open' AND need >= 0.7",
                (),
            ),
        ):
            await beside(f"search, {name}", [(self.ours(tree), self.peer(condition, *values))] * times, "newest 50")
        mine = Field("assignee", (Text("me", "me"),))
        page: Ask = lambda: inbox.page(self.w.pool, self.w.brand_id, "open", limit=50)  # noqa: E731
        for name, tree in (("assignee:me", mine), ("need:>=0.7", Field("need", (Range(0.7, None),)))):
            await beside(f"view page, {name}", [(self.view(tree), page)] * times, "the queue's first page")


async def run(n: int, repeats: int) -> None:
    """A house with `n` mentions, searched."""
    home = scratch_folder("hubbub-bench-")
    home.chmod(0o711)
    try:
        async with embedded(home / "postgres") as server:
            connection = await connect(server.dsn(), application_name="bench")
            await migrate(connection)
            pool = await connect_pool(server.dsn(), application_name="bench", max_size=1, command_timeout=None)
            w = await world(pool)
            words = vocabulary(random.Random(SEED))
            await fill(connection, w, words, n)
            await connection.close()
            textbook = await asyncpg.create_pool(
                server.dsn(), min_size=1, max_size=1, server_settings={"search_path": "hubbub"}
            )
            await Bench(w, textbook, words, n, repeats).run()
            await textbook.close()
            await pool.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 mentions, fewer repeats")
    quick = parser.parse_args().quick
    asyncio.run(run(100_000 if quick else 1_000_000, 100 if quick else 400))


if __name__ == "__main__":
    main()
