"""Imports: files as people have them. Guessed columns, broken rows with their lines, resumption, files too big to hold."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from listener.errors import FixMe
from listener.model.heard import Mention, Reason
from listener.model.kinds import Kind
from listener.sources.files import ImportPlan, ImportStream
from listener.sources.files.columns import parse_when
from listener.sources.files.lines import MAX_LINE
from tests.promises.hearing import Heard, hear

SHARED = Path(__file__).parents[3] / "shared" / "data"


def put(folder: Path, content: str | bytes, name: str = "history.csv") -> Path:
    path = folder / name
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


async def read(path: Path, cursor: str | None = None, batch: int = 1000, **plan: Any) -> Heard:
    return await hear(
        ImportStream(ImportPlan(path, **plan), batch=batch), cursor, lambda heard: heard.batches[-1].final
    )


async def test_numbers_links_and_tags_are_taken_where_a_file_has_them(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "id,text,stars,Like-Count,retweets,reply_count,quotes,hashtags,urls\n"
        """1,a,4.5,"1,234",7,0,,"#sale, Café","https://a.example/x, https://b.example"\n"""
        """2,b,4 out of 5 stars,many,1.5,,3,"['x', 'y']",none\n""",
    )
    first, second = (await read(path)).mentions
    assert (first.rating, first.likes, first.reposts, first.replies, first.quotes) == (4.5, 1234, 7, 0, None)
    assert (first.tags, first.links) == (("sale", "Café"), ("https://a.example/x", "https://b.example"))
    assert (second.rating, second.likes, second.reposts, second.replies, second.quotes) == (4.0, None, None, None, 3)
    assert (second.tags, second.links) == (("x", "y"), ())


async def test_lists_in_json_are_tags_and_links_but_no_text(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "text": "a", "tags": ["#sale", "off"], "links": ["https://a.example"], "likes": 3, "rating": 2},
        {"id": "2", "text": "b", "tags": [{"text": "sale"}], "links": {}, "likes": [1, 2], "rating": None},
        {"id": "3", "text": ["c"]},
    ]
    path = put(tmp_path, "\n".join(map(json.dumps, rows)), "rows.jsonl")
    heard = await read(path)
    first, second = heard.mentions
    assert (first.tags, first.links, first.likes, first.rating) == (("sale", "off"), ("https://a.example",), 3, 2.0)
    assert (second.tags, second.links, second.likes, second.rating) == ((), (), None, None)
    assert [reject.reason for reject in heard.rejects] == [Reason.WRONG_SHAPE]


async def test_columns_are_guessed_and_told(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "Tweet ID,user,Created-At,body,in_reply_to\n7,ann,2024-05-01T10:00:00Z,hello,\n8,ben,2024-05-01,yes,7\n",
    )
    stream = ImportStream(ImportPlan(path))
    assert stream.columns.of == {
        "id": "Tweet ID",
        "text": "body",
        "author": "user",
        "at": "Created-At",
        "parent": "in_reply_to",
    }
    assert set(stream.columns.guessed) == set(stream.columns.of)
    first, second = (await read(path)).mentions
    assert (first.key.space, first.key.external_id, first.text) == ("import:history", "7", "hello")
    assert (first.kind, second.kind, second.parent) == (Kind.POST, Kind.REPLY, "7")
    assert first.network_at == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert (first.author.external_id, first.source) == ("ann", "import")


async def test_named_columns_win_and_a_missing_one_is_told(tmp_path: Path) -> None:
    path = put(tmp_path, "id,text,summary\n1,long,short\n")
    assert [one.text for one in (await read(path, columns={"text": "summary"})).mentions] == ["short"]
    with pytest.raises(FixMe) as told:
        ImportStream(ImportPlan(path, columns={"text": "sumary"}))
    assert "'summary'" in told.value.hint
    assert "id, text, summary" in told.value.hint
    with pytest.raises(FixMe) as told:
        ImportStream(ImportPlan(path, columns={"txt": "text"}))
    assert "'text'" in told.value.hint
    with pytest.raises(FixMe) as told:
        ImportStream(ImportPlan(put(tmp_path, "a,b\n1,2\n", "x.csv")))
    assert "a, b" in told.value.hint
    with pytest.raises(FixMe):
        ImportStream(ImportPlan(path, ours=("inbound", "false")))


async def test_every_broken_row_is_told_with_its_line(tmp_path: Path) -> None:
    rows = [
        b"id,text,at",
        b"1,fine,2024-05-01",
        b"2,too few",
        b"",
        b'3,"two\nlines",2024-05-01',
        b"4,fine,not a time",
        b",no id,2024-05-01",
        b"6,\xff\xfe,2024-05-01",
        b"5.67E+17,rounded,2024-05-01",
        b'8,"ab"c",2024-05-01',
        b"9,nul \x00 here,2024-05-01",
        b'10,"never closed,2024-05-01',
        b"11,fine,2024-05-01",
        b"12,fine,",
    ]
    heard = await read(put(tmp_path, b"\r\n".join(rows)))
    assert [one.key.external_id for one in heard.mentions] == ["1", "3", "9", "11", "12"]
    assert heard.mentions[1].text == "two\nlines"
    assert heard.mentions[2].text == "nul ␀ here"
    assert heard.mentions[4].network_at is None
    assert [(one.detail.split(":")[0], one.reason) for one in heard.rejects] == [
        ("line 3", Reason.WRONG_SHAPE),
        ("line 7", Reason.BAD_TIME),
        ("line 8", Reason.BAD_ID),
        ("line 9", Reason.NOT_DECODED),
        ("line 10", Reason.BAD_ID),
        ("line 11", Reason.NOT_DECODED),
        ("line 13", Reason.NOT_DECODED),
    ]
    assert heard.rejects[0].raw == b"2,too few"


async def test_json_lines(tmp_path: Path) -> None:
    rows = [
        json.dumps({"id": 570306133677760513, "text": "a\u0000b", "user": {"name": "Ann"}, "created_at": 1420070400}),
        "{broken",
        "[1]",
        json.dumps({"id": "2", "text": ["x"], "user": {"name": "Ben"}}),
        '{"id":"3","text":"lone \\ud800 one","user":{"name":"Cat"},"created_at":null}',
        "",
    ]
    heard = await read(put(tmp_path, b"\xef\xbb\xbf" + "\n".join(rows).encode(), "x.jsonl.gz"))
    assert [(one.key.external_id, one.text) for one in heard.mentions] == [
        ("570306133677760513", "a␀b"),
        ("3", "lone � one"),
    ]
    assert heard.mentions[0].author.external_id == "Ann"
    assert heard.mentions[0].network_at == datetime(2015, 1, 1, tzinfo=UTC)
    assert [one.detail.split(":")[0] for one in heard.rejects] == ["line 2", "line 3", "line 4"]
    assert heard.rejects[2].detail.startswith("line 4: column 'text' is a list")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.csv", b"", "empty"),
        ("bom.csv", b"\xef\xbb\xbf\n", "empty"),
        ("utf16.csv", "id,text\n1,x".encode("utf-16"), "UTF-16"),
        ("list.json", b'[{"id":1,"text":"x"}]', "JSON list"),
        ("mac.csv", b"id,text\r" + b"1,x\r" * 2000, "old Macs"),
        ("picture.csv", b"\x89PNG\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "not a text file"),
    ],
)
async def test_files_that_cannot_be_read_say_why(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    with pytest.raises(FixMe) as error:
        ImportStream(ImportPlan(put(tmp_path, content, name)))
    assert told in str(error.value)


async def test_a_missing_file_and_an_unknown_encoding(tmp_path: Path) -> None:
    with pytest.raises(FixMe):
        ImportStream(ImportPlan(tmp_path / "nothing.csv"))
    with pytest.raises(FixMe):
        ImportStream(ImportPlan(put(tmp_path, "id,text\n1,x\n"), encoding="utf-9"))
    latin = put(tmp_path, "id,text\n1,caf\xe9\n".encode("latin-1"))
    assert [one.text for one in (await read(latin, encoding="latin-1")).mentions] == ["café"]
    assert (await read(latin)).rejects[0].detail == "line 2: not UTF-8 text"


async def test_a_cut_off_archive_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    whole = gzip.compress(b"id,text\n" + b"".join(b"%d,text %d\n" % (n, n * n) for n in range(20_000)), mtime=0)
    path = tmp_path / "x.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    stream, heard = ImportStream(ImportPlan(path)), Heard()
    told = None
    try:
        async for batch in stream.batches(None):
            heard.batches.append(batch)
    except FixMe as error:
        told = error
    assert told is not None
    assert "cut off" in told.what
    assert [one.key.external_id for one in heard.mentions] == [str(n) for n in range(len(heard.mentions))]
    assert len(heard.mentions) % 1000, "also those of the batch in which it broke off"
    assert len(heard.mentions) > 1000


async def test_a_line_of_a_quarter_gigabyte_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'{"id":"1","text":"before"}\n{"id":"2","text":"')
        for _ in range(256):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n{"id":"3","text":"after"}\n')
    tracemalloc.start()
    heard = await read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [one.key.external_id for one in heard.mentions] == ["1", "3"]
    assert [(one.reason, one.detail[:7]) for one in heard.rejects] == [(Reason.TOO_BIG, "line 2:")]
    assert len(heard.rejects[0].raw) <= 64 << 10
    assert peak < 12 * MAX_LINE


async def test_who_of_them_is_us(tmp_path: Path) -> None:
    path = put(
        tmp_path, "id,text,author,inbound\n1,help,ann,True\n2,yes,Shop,False\n3,no,Other,false\n4,ok,Shop,FALSE\n"
    )
    stream = ImportStream(ImportPlan(path, ours=("inbound", "false")))
    assert [author.external_id for author in await stream.ours_authors()] == ["Shop", "Other"]
    assert await ImportStream(ImportPlan(path)).ours_authors() == ()
    only = await read(path, only=("author", "shop"))
    assert [one.key.external_id for one in only.mentions] == ["2", "4"]
    assert sum(batch.heard for batch in only.batches) == 4


async def test_history_is_no_news_unless_asked(tmp_path: Path) -> None:
    path = put(tmp_path, "id,text\n1,x\n")
    assert all(batch.history for batch in (await read(path)).batches)
    assert not any(batch.history for batch in (await read(path, as_new=True)).batches)


async def test_the_key_is_of_the_content_and_the_plan_not_of_the_place(tmp_path: Path) -> None:
    path = put(tmp_path, "id,text\n1,x\n")
    (tmp_path / "elsewhere").mkdir()
    moved = put(tmp_path / "elsewhere", "id,text\n1,x\n")
    other = put(tmp_path / "elsewhere", "id,text\n1,y\n", "other.csv")
    key = ImportStream(ImportPlan(path)).key
    assert ImportStream(ImportPlan(moved)).key == key
    assert ImportStream(ImportPlan(other, name="history")).key != key
    assert ImportStream(ImportPlan(path, as_new=True)).key != key


async def test_messages_without_ids_are_the_same_when_imported_again(tmp_path: Path) -> None:
    path = put(tmp_path, "text,author,date\nhello,ann,2024-05-01\nhello,ben,2024-05-01\n")
    once, twice = (await read(path)).mentions, (await read(path)).mentions
    assert [one.key for one in once] == [one.key for one in twice]
    assert len({one.key for one in once}) == 2


async def test_other_delimiters_and_a_network_for_each_row(tmp_path: Path) -> None:
    path = put(tmp_path, "id;text;net\n1;a, b;X\n1;c;Y\n")
    heard = await read(path, columns={"source": "net"})
    assert [(one.key.space, one.text) for one in heard.mentions] == [
        ("import:history/X", "a, b"),
        ("import:history/Y", "c"),
    ]
    assert [one.text for one in (await read(put(tmp_path, "id\ttext\n1\ta,b;c\n", "t.tsv"))).mentions] == ["a,b;c"]


async def test_ids_that_went_through_a_column_of_floats(tmp_path: Path) -> None:
    path = put(tmp_path, "id,text,parent\n611,x,610.0\n612,y,\n")
    assert [one.parent for one in (await read(path)).mentions] == ["610", None]


async def test_progress_is_of_the_files_own_bytes(tmp_path: Path) -> None:
    path = put(tmp_path, "id,text\n" + "".join(f"{n},x\n" for n in range(2500)), "x.csv.gz")
    stream = ImportStream(ImportPlan(path))
    seen: list[tuple[int, int]] = []
    heard = await hear(stream, None, lambda _: seen.append(stream.progress) is not None)
    done, total = stream.progress
    assert seen == sorted(seen)
    assert all(0 < before <= total == path.stat().st_size for before, _ in seen)
    batch = heard.batches[-1]
    assert batch.final
    assert done == total
    again = await hear(ImportStream(ImportPlan(path)), batch.cursor, lambda _: True)
    assert again.batches[0].final
    assert not again.mentions


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2015-02-17 00:00:36 -0800", datetime(2015, 2, 17, 8, 0, 36, tzinfo=UTC)),
        ("2024-05-01", datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-01 10:00", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01T10:00:00.123456789+02", datetime(2024, 5, 1, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2024-05-01 10:00:00 UTC", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Tue Oct 31 22:10:47 +0000 2017", datetime(2017, 10, 31, 22, 10, 47, tzinfo=UTC)),
        ("Tue, 31 Oct 2017 22:10:47 +0100", datetime(2017, 10, 31, 21, 10, 47, tzinfo=UTC)),
        ("1509487847", datetime(2017, 10, 31, 22, 10, 47, tzinfo=UTC)),
        ("1509487847000", datetime(2017, 10, 31, 22, 10, 47, tzinfo=UTC)),
        ("1509487847.5", datetime(2017, 10, 31, 22, 10, 47, 500000, tzinfo=UTC)),
        ("10/11/2017 22:10", None),
        ("2017", None),
        ("yesterday", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("", None),
        ("9" * 400, None),
    ],
)
def test_times_as_exports_write_them(text: str, moment: datetime | None) -> None:
    assert parse_when(text) == moment


@settings(max_examples=200, deadline=None)
@given(st.text() | st.text("0123456789-:TZ+. /JanFebTueOct,", max_size=40))
def test_a_time_never_raises(text: str) -> None:
    moment = parse_when(text)
    assert moment is None or moment.tzinfo is UTC


ROWS = st.lists(
    st.tuples(
        st.integers(0, 10**18).map(str), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"))
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda row: row[0],
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.sampled_from([".csv", ".jsonl", ".csv.gz"]), st.integers(1, 7))
async def test_what_a_program_writes_is_what_we_read_from_any_bookmark(
    tmp_path: Path, rows: list[tuple[str, str]], ending: str, batch: int
) -> None:
    """Python's own writers against our reader, and every bookmark against the rest of the file."""
    made = io.StringIO(newline="")
    if "csv" in ending:
        writer = csv.writer(made)
        writer.writerow(["id", "text", "n"])
        writer.writerows([[*row, "0"] for row in rows])
    else:
        made.write("".join(json.dumps({"id": key, "text": text}) + "\n" for key, text in rows))
    path = put(tmp_path, made.getvalue(), f"x{ending}")
    heard = await read(path, batch=batch)
    assert [(one.key.external_id, one.text) for one in heard.mentions] == rows
    for number, one in enumerate(heard.batches, 1):
        rest = Heard(heard.batches[number:])
        assert (await read(path, one.cursor)).mentions == rest.mentions


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=400) | st.text('id,text\n"1;\t{}:', max_size=200).map(str.encode),
    st.sampled_from([".csv", ".jsonl"]),
)
async def test_any_bytes_are_a_fix_me_or_rows(tmp_path: Path, raw: bytes, ending: str) -> None:
    path = put(tmp_path, b"id,text\n" + raw, f"x{ending}")
    try:
        heard = await read(path)
    except FixMe:
        return
    for item in heard.mentions:
        item.text.encode()
        item.key.external_id.encode()


# Real exports --------------------------------------------------------------------------------------------------------


def rows_of(path: Path) -> list[Mapping[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real data sets are not beside this checkout")
async def test_support_threads_as_they_are() -> None:
    path = SHARED / "support" / "support_tweets.csv.gz"
    rows = rows_of(path)
    stream = ImportStream(ImportPlan(path, ours=("inbound", "false")))
    ours = {row["author_id"] for row in rows if row["inbound"] == "false"}
    assert {author.external_id for author in await stream.ours_authors()} == ours
    assert len(ours) == 76
    heard = await read(path, ours=("inbound", "false"))
    assert not heard.rejects
    told = {one.key.external_id: (one.author.external_id, one.text, one.parent or "") for one in heard.mentions}
    assert told == {row["tweet_id"]: (row["author_id"], row["text"], row["in_response_to_tweet_id"]) for row in rows}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real data sets are not beside this checkout")
async def test_airline_posts_as_they_are() -> None:
    path = SHARED / "airline" / "airline.csv.gz"
    rows = rows_of(path)
    heard = await read(path)
    assert not heard.rejects
    assert {one.key.external_id: one.text for one in heard.mentions} == {row["tweet_id"]: row["text"] for row in rows}
    assert len(heard.mentions) == len(rows) == 5333
    assert all(isinstance(one, Mention) and one.network_at for one in heard.mentions)
    southwest = await read(path, only=("airline", "Southwest"))
    assert len(southwest.mentions) == sum(row["airline"] == "Southwest" for row in rows)
