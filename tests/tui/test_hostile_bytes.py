"""What really goes to a terminal: the bytes of a real one, of a whole walk through a database that is hostile in every text."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import asyncpg

from listener.harmless import storable
from listener.model.accounts import Capability
from listener.store import acts, capabilities, handovers
from tests.journeys.terminal import Terminal
from tests.store.world import world
from tests.tui.test_hostile import HOSTILE, harmless_character

TEXT = storable(" ".join(one[:80] for one in HOSTILE.values()))
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
OURS = re.compile(
    r"\x1b\[\d+;\d+H"  # goes to a cell
    r"|\x1b[78]|\x1b\[\d+C"  # what pins a stretch
    r"|\x1b\[\?(?:7|25|1000|1003|1004|1006|1015|1049|2004|2026|2048)[hl]"  # takes the terminal, the mouse and what is pasted; gives them back
    r"|\x1b\[\?(?:2026|2048)\$p|\x1b\[[<>]\d*u|\x1b\[>4;\d*m|\x1b\[c|\x1b\[\?u"  # asks what it can
    r"|\x1b\]52;c;([A-Za-z0-9+/=]*)\x07"  # for the clipboard
    r"|\x1b\]22;[a-z]+\x07"  # the mouse pointer's shape
)
TOKEN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)|.", re.DOTALL)


def check(written: str) -> tuple[Counter[str], list[str]]:
    """Fails at the first thing that is neither ours nor harmless; what was for the clipboard, and how often each sequence came."""
    counted: Counter[str] = Counter()
    copied: list[str] = []
    for token in TOKEN.finditer(written):
        one, near = token[0], written[max(0, token.start() - 60) : token.end() + 20]
        if one[0] == "\x1b":
            found = OURS.fullmatch(one)
            assert found or COLOURS.fullmatch(one), f"{one!r} in {near!r}"
            assert one != "\x1b[31;1m", f"a colour of theirs in {near!r}"
            if found and found[1] is not None:
                copied.append(base64.b64decode(found[1]).decode())
            counted[re.sub(r"\d+", "0", one)] += 1
        else:
            assert one in "\r\n" or harmless_character(one), f"U+{ord(one):04X} in {near!r}"
    return counted, copied


async def test_only_our_own_sequences_reach_a_terminal(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    at = datetime.now(UTC)
    one = await w.conversation(f"first {TEXT}", author="ana", due_at=at + timedelta(minutes=9), at=at)
    await w.conversation(f"second {TEXT}", author="bob", at=at)
    await w.conversation("👨‍👩‍👧‍👦 हिन्दी 1️⃣ 🇩🇪 مرحبا", author="eve", at=at)
    author = await pool.fetchval("SELECT author_id FROM conversations WHERE id = $1", one)
    await acts.note(pool, w.tom.id, one, f"@mia-acme {TEXT}", at)
    await acts.note_author(pool, w.tom.id, w.brand_id, author, TEXT, at)
    await handovers.hand_over(pool, w.tom.id, w.brand_id, f"#{one} {TEXT}", at, at)
    await capabilities.publish(pool, w.account.id, {**dict.fromkeys(Capability, TEXT), Capability.REPLY: ""})
    await pool.execute("UPDATE authors SET handle = $1 || id, name = $1, bio = $1", TEXT)
    await pool.execute("UPDATE people SET name = $1", TEXT)
    await pool.execute("UPDATE brands SET name = $1", TEXT)
    await pool.execute("UPDATE accounts SET state = 'ready', handle = $1", TEXT)
    await pool.execute("UPDATE conversations SET tags = ARRAY[$1], team = $1", TEXT)
    command = [sys.executable, "-m", "inbox_tui", "--brand", "acme", "--person", "mia-acme"]
    environ = {**os.environ, "HUBBUB_DSN": dsn, "TERM": "xterm-256color", "LANG": "C.UTF-8"}

    loop = asyncio.get_running_loop()
    nothing = capabilities.publish(pool, w.account.id, dict.fromkeys(Capability, TEXT))

    def walk() -> bytes:
        with Terminal(command, environ) as inbox:
            inbox.until("first ")
            inbox.press("h")
            for keys, shown in (
                ("A", "Past conversations"),
                ("\x1b", "min left"),
                ("P", "The post"),
                ("\x1b", "min left"),
                ("L", "not on"),
                ("T", "Hand-over from"),
                ("\x1b", "min left"),
                ("y", "Copy"),
                ("t", "text copied"),
                ("r", "PUBLIC reply"),
                ("hello", "5 of 300"),
                ("\x1b", "draft kept"),
                ("?", "Next row"),
                ("\x1b", "min left"),
            ):
                inbox.press(keys)
                inbox.until(shown, 20)
                if keys == "\x1b":
                    time.sleep(0.3)  # a key right behind it would be one with alt
            asyncio.run_coroutine_threadsafe(nothing, loop).result(20)
            inbox.press("j")
            inbox.until("second ")
            inbox.press("r")
            inbox.until("not on", 20)
            inbox.press("q")
            assert inbox.ended() == 0
            return inbox.shown

    written = (await loop.run_in_executor(None, walk)).decode("utf-8")
    counted, copied = check(written)
    assert "␛[31;1mred" in written, "the walk came by"
    assert counted["\x1b0"] > 0, "stretches were pinned"
    assert written.count("\x1b[?7h") == 1, "the terminal wraps again when the app has left it, and not before"
    (text,) = copied
    assert text.startswith("first ␛[31;1mred")
    assert all(map(harmless_character, text.replace("\n", "")))
