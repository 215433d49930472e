"""Feed documents: every encoding, every break, nothing slow, nothing raised; and whose entry is whose, in which state."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.assess import topics_of
from listener.model.heard import Deleted, Mention, Reason, Reject
from listener.model.kinds import Kind
from listener.sources.feeds.bookmark import MOST_CHANGES, Seen, revision_of
from listener.sources.feeds.convert import convert_document, convert_entry, external_id, kept_of, reread
from listener.sources.feeds.document import Document, read_document
from tests.core.rulebooks import book

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
RECORDED = Path(__file__).parents[3] / "shared" / "data" / "feeds"
SPACE = "feeds/x"


def rss(*items: str, head: str = "", declared: str = "") -> str:
    return f'{declared}<rss version="2.0"><channel><title>News</title>{head}{"".join(items)}</channel></rss>'


def item(number: int, text: str = "words") -> str:
    return f"<item><guid>{number}</guid><title>Title {number}</title><description>{text}</description></item>"


def document(text: str | bytes, content_type: str = "", whole: bool = True) -> Document:
    read = read_document(text.encode() if isinstance(text, str) else text, content_type, "https://a.test/feed", whole)
    assert isinstance(read, Document), read
    return read


def mentions(text: str | bytes, content_type: str = "") -> list[Mention]:
    body = text.encode() if isinstance(text, str) else text
    items = convert_document(body, content_type, SPACE, NOW, "https://a.test/feed")
    return [one for one in items if isinstance(one, Mention)]


@pytest.mark.parametrize(
    ("codec", "declared", "content_type"),
    [
        ("utf-8", "", ""),
        ("utf-8", "windows-1252", ""),  # declared wrong
        ("utf-8", "", "text/xml; charset=iso-8859-1"),
        ("utf-8-sig", "iso-8859-1", ""),
        ("utf-16", "utf-16", ""),
        ("utf-16-le", "", ""),
        ("utf-16-be", "utf-8", "text/xml; charset=utf-8"),
        ("windows-1252", "iso-8859-1", ""),
        ("windows-1252", "utf-8", "application/xml; charset=utf-8"),  # declared wrong
        ("windows-1252", "", ""),
        ("windows-1252", "no-such-code", ""),
        ("iso-8859-15", "iso-8859-15", ""),
    ],
)
def test_a_text_is_read_in_whatever_encoding_it_is(codec: str, declared: str, content_type: str) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else '<?xml version="1.0"?>'
    said = "Der Zug fährt wieder für 5 € – schön"
    if codec == "iso-8859-15":
        said = said.replace("–", "-")
    assert mentions(rss(item(1, said), declared=head).encode(codec), content_type)[0].text == f"Title 1\n\n{said}"


def test_what_breaks_off_keeps_its_whole_entries() -> None:
    whole = rss(*(item(n, "<![CDATA[<b>a ]] & b</b>]]>") for n in range(4)), head="<ttl>60</ttl>").encode()
    for cut in range(60, len(whole)):
        complete = whole[:cut].count(b"</item>")
        read = read_document(whole[:cut], "", "", False)
        if not complete:
            assert isinstance(read, Reject)
            assert read.reason is Reason.NOT_DECODED
            continue
        assert isinstance(read, Document)
        assert [one.id for one in read.entries] == [str(n) for n in range(complete)], cut
        assert "broke off" in read.told


def test_common_mistakes_are_mended() -> None:
    text = rss(
        "<item><guid>1</guid><title>Fish & chips&nbsp;&copy; &foo; &#1; \x0b</title><media:content url='/p.jpg'/></item>",
        declared='\n<!DOCTYPE rss [<!ENTITY foo "bar"><!ENTITY lol "&foo;&foo;">]>',
    )
    one = document(text).entries[0]
    assert one.title == "Fish & chips\xa0© &foo; \ufffd \ufffd"
    assert one.media == 1


HOSTILE = {
    "attributes": rss("<item><title " + " ".join(f'a{n}="1"' for n in range(50_000)) + ">x</title></item>"),
    "open attributes": rss("<item><title " + " ".join(f'a{n}="1"' for n in range(50_000)) + ">x</title>&zz;<"),
    "categories": rss("<item>" + "".join(f"<category>{n}</category>" for n in range(80_000)) + "</item>"),
    "before entries": rss(head="".join(f"<category>{n}</category>" for n in range(80_000))),
    "author": rss("<item><author>" + "a." * 80_000 + "</author></item>"),
    "author in parts": rss("<item><author>" + "a.&amp;" * 80_000 + "</author></item>"),
    "many authors": rss(*("<item>" + ("<author>" + "a." * 490 + "</author>") * 20 + "</item>" for _ in range(400))),
    "many categories": rss(
        *("<item>" + "".join(f"<dc:c>{n}</dc:c>" for n in range(490)) + "</item>" for _ in range(200))
    ),
    "nested": rss("<item>" + "<a>" * 100_000),
    "entities": '<!DOCTYPE r [<!ENTITY a "b">' + "".join(f'<!ENTITY a{n} "{"&a;" * 10}">' for n in range(9)) + "]>",
    "a file's name": "/etc/passwd",
    "an address": "http://127.0.0.1/",
    "deep json": "[" * 100_000,
    "deep items": '{"items":' + "[" * 100_000,
    "a long number": '{"items":[{"id":' + "9" * 10_000 + "}]}",
    "open cdata": rss("<item><title>" + "<![CDATA[" * 200_000),
    "ampersands": rss("<item><title>" + "&" * 500_000),
    "a page": "<!doctype html><html><head><title>Sign in</title></head><body><p>x<br></body></html>",
    "nothing": "",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_hostile_is_slow_or_taken(name: str) -> None:
    began = time.process_time()
    read = read_document(HOSTILE[name].encode())
    assert time.process_time() - began < 1.0
    assert isinstance(read, Reject)
    assert read.reason in {Reason.TOO_BIG, Reason.NOT_DECODED, Reason.WRONG_SHAPE}
    assert len(read.raw) <= 64 << 10


def test_more_entries_than_anybody_reads_are_told() -> None:
    read = document(rss(*map(item, range(700))))
    assert len(read.entries) == 500
    assert "700" in read.told


PIECES = st.lists(
    st.sampled_from([
        "<rss>", "<channel>", "<item>", "</item>", "<entry>", "</entry>", "<feed xmlns='http://www.w3.org/2005/Atom'>", "<title>", "</title>",
        "<guid>1</guid>", "<link href='x' rel='hub'/>", "<link>", "</link>", "<pubDate>Mon, 99 Foo</pubDate>", "<updated>2026</updated>",
        "<content type='xhtml'>", "<author>", "<name>", "&", "<", "<![CDATA[", "]]>", "&#xffff;", "<im:rating>5</im:rating>", "é",
        "{", '"items":[', "{}",
        '{"id":1,"authors":[1],"tags":{},"date_published":7}', "]}", "\x00", "\ud800", "x" * 50,
    ]),
    max_size=25,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=200) | PIECES.map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass")),
    st.text(max_size=30),
)
def test_converting_never_raises(body: bytes, content_type: str) -> None:
    for one in convert_document(body, content_type, SPACE, NOW, "https://a.test/"):
        if isinstance(one, Mention):
            assert reread(one.raw, NOW) == (one,)
        elif isinstance(one, Reject):
            assert one.detail.isascii()
            assert one.detail.isprintable()
    reread(body, NOW)


def test_recorded_feeds_convert_or_say_why_not() -> None:
    if not RECORDED.is_dir():
        pytest.skip("the recorded feeds are not here")
    for path in sorted(RECORDED.glob("*.gz")):
        items = convert_document(gzip.decompress(path.read_bytes()), "", SPACE, NOW, "https://a.test/")
        if path.name.startswith("unrecognized"):
            assert [one.reason for one in items if isinstance(one, Reject)] == [Reason.NOT_DECODED]
        else:
            assert items
            assert all(isinstance(one, Mention) and one.text and one.url for one in items), path.name


def test_an_entry_says_all_that_it_says() -> None:
    text = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:im="http://itunes.apple.com/rss" xml:lang="en" xmlns:at="http://purl.org/atompub/tombstones/1.0"
      xmlns:thr="http://purl.org/syndication/thread/1.0"><title>Reviews</title><link rel="hub" href="https://hub.test/"/>
      <at:deleted-entry ref="old" when="2026-11-01T10:00:00Z"/>
      <entry><id>7</id><title type="text">Vec&lt;T&gt; &amp; co</title><link href="/r/7"/><im:rating>2</im:rating>
        <author><name>Mira</name><uri>https://a.test/mira</uri></author><category term="app"/><updated>2026-11-02T10:00:00+01:00</updated>
        <content type="html">&lt;p&gt;It &lt;b&gt;crashes&lt;/b&gt;. See &lt;a href="https://a.test/log"&gt;my log&lt;/a&gt;.&lt;/p&gt;</content>
      </entry>
      <entry><id>8</id><title>Re: it</title><thr:in-reply-to ref="7"/><updated>2026-11-02T10:00:00Z</updated></entry></feed>"""
    gone, review, answer = convert_document(text.encode(), "", SPACE, NOW, "https://a.test/feed")
    assert gone == Deleted(gone.key, "2026-11-01T10:00:00.000000")
    assert isinstance(review, Mention)
    assert review.text == "Vec<T> & co\n\nIt crashes. See my log (https://a.test/log)."
    assert (review.kind, review.rating, review.url) == (Kind.REVIEW, 2.0, "https://a.test/r/7")
    assert (review.author.external_id, review.author.name) == ("https://a.test/mira", "Mira")
    assert (review.tags, review.links, review.langs) == (("app",), ("https://a.test/log",), ("en",))
    assert review.network_at == datetime(2026, 11, 2, 9, tzinfo=UTC)
    assert review.revision == "2026-11-02T09:00:00.000000"
    assert isinstance(answer, Mention)
    assert (answer.kind, answer.parent) == (Kind.COMMENT, "7")
    assert (review.root, answer.root) == (None, None), (
        "no feed says where a thread begins: what is answered may be an answer itself"
    )


def test_an_identity_is_the_id_else_the_link_else_what_is_said_and_a_shared_id_is_none() -> None:
    entries = [
        "<item><guid>same</guid><link>https://a.test/1</link><title>one</title></item>",
        "<item><guid>same</guid><link>https://a.test/2</link><title>two</title></item>",
        "<item><guid>own</guid><link>https://a.test/3</link><title>three</title></item>",
        "<item><link>https://a.test/4</link><title>four</title></item>",
        "<item><title>five</title><description>changes</description></item>",
    ]
    names = [external_id(kept) for kept in kept_of(document(rss(*entries)), SPACE)]
    assert names[3:] == ["https://a.test/2", "https://a.test/1"]
    assert names[1:3] == ["https://a.test/4", "own"]
    edited = kept_of(document(rss(entries[4].replace("changes", "changed"))), SPACE)[0]
    assert external_id(edited) == names[0]


def test_a_json_feed_is_read_and_its_numbers_are_ids() -> None:
    read = document('{"version":"v","title":"T","feed_url":"/f","hubs":[{"type":"WebSub","url":"https://hub.test"}],"next_url":"?p=2",'
                    '"items":[{"id":12,"url":"/a","content_text":"a < b","authors":[{"name":"Ann"}],"tags":["x"],'
                    '"date_published":"2026-11-02T09:00:00Z","date_modified":"2026-11-03T09:00:00Z"}]}')  # fmt: skip
    assert (read.hub, read.own, read.older) == ("https://hub.test", "https://a.test/f", "https://a.test/feed?p=2")
    one = convert_entry(kept_of(read, SPACE)[0], NOW)
    assert isinstance(one, Mention)
    assert (one.key.external_id, one.text, one.author.name) == ("12", "a < b", "Ann")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, 1, 2, 3])), min_size=1, max_size=60))
def test_revisions_only_grow_and_the_newest_state_wins(
    states: list[tuple[str, int | None]],
) -> None:
    base = mentions(rss(item(1)))[0]
    seen: Seen | None = None
    told: list[tuple[str, str]] = []
    newest = 0
    for number, (content, hours) in enumerate(states):
        said = NOW - timedelta(hours=10 - hours) if hours else None
        older = hours is not None and hours < newest and content != told[-1][1]
        news = revision_of(
            replace(base, content_id=content), said, seen, NOW + timedelta(minutes=number), first=number == 0
        )
        if news is not None:
            told.append((news[0], content))
            seen = news[1]
        assert news is None or not older, "an older state does not come back"
        newest = max(newest, hours or 0) if news is not None else newest
    assert [revision for revision, _ in told] == sorted({revision for revision, _ in told})
    if len(told) <= MOST_CHANGES and all(hours is None for _, hours in states):
        assert told[-1][1] == states[-1][0]


def test_an_entry_that_flips_is_told_so_often_and_then_no_more_until_it_says_when() -> None:
    base, seen, told = mentions(rss(item(1)))[0], None, 0
    for number in range(100):
        news = revision_of(
            replace(base, content_id=f"{number % 2}"), None, seen, NOW + timedelta(hours=number), first=False
        )
        told, seen = told + (news is not None), news[1] if news is not None else seen
    assert told == 1 + MOST_CHANGES
    assert revision_of(replace(base, content_id="new"), NOW + timedelta(hours=99), seen, NOW, first=False) is not None


def test_a_topic_may_be_everything_of_feeds() -> None:
    rulebook = book(topics_yaml="topics: [{key: news, title: News, kind: brand, query: 'source:feeds'}]")
    ear = topics_of(rulebook, "main", lambda: NOW)
    heard = mentions(rss(item(1)))[0]
    assert list(ear(heard)) == ["news"]
    assert list(ear(replace(heard, source="bluesky"))) == []
