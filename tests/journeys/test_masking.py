"""--mask: what looks private in a text is printed as what it is, in lines and in JSON, by every command that prints what people write."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest

from listener.cli import main
from tests.store.world import later, world

SAID = "my bill is wrong, call +49 170 1234567 or ana@mail.example"
PRIVATE = ("1234567", "ana@mail.example")


async def test_nothing_private_is_printed_and_our_own_words_stay(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("HUBBUB_HOME", str(tmp_path)), ("HUBBUB_DATABASE_URL", dsn)):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HUBBUB_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    w = await world(pool)
    id_ = await w.conversation(SAID, tone="negative")
    await w.mention(SAID, topic="acme")
    root = await pool.fetchval("SELECT root FROM conversations")
    ours = await w.mention("We are at +49 30 9876543", author="us", parent=root, root=root, ours=True)
    await pool.execute("INSERT INTO conversation_mentions VALUES ($1, $2)", id_, ours)
    await pool.execute(
        """UPDATE assessments SET because = '[{"signal": "learned: these words", "value": 0.2, "spans": [3, 7]}]'"""
    )
    for arguments in (
        ["list"],
        ["show", str(id_)],
        ["search", "wrong", "--brand", "acme", "--now", later(minutes=5).isoformat()],
    ):
        for more in ([], ["--json"]):
            code = await asyncio.to_thread(main, [*arguments, *more])
            plain = capsys.readouterr().out
            assert (code, all(one in plain for one in PRIVATE)) == (0, True), arguments
            code = await asyncio.to_thread(main, [*arguments, *more, "--mask"])
            masked = capsys.readouterr().out
            assert (code, any(one in masked for one in PRIVATE)) == (0, False), arguments
            assert "my bill is wrong, call [a phone number] or [an e-mail address]" in masked
    assert await asyncio.to_thread(main, ["show", str(id_), "--json", "--mask"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert "9876543" in json.dumps(whole["thread"]), "our own words"
    assert whole["because"] == [{"signal": "learned: these words", "value": 0.2}], "a place in another text is none"
