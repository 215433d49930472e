"""HTML becomes the text that a reader sees, with its links' addresses; nothing breaks it and nothing makes it slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.markup import plain, read

SHORTENED = (
    '<p>See <a href="https://shop.example/very/long/path?x=1&amp;y=2" rel="nofollow noopener" target="_blank">'
    '<span class="invisible">https://</span><span class="ellipsis">shop.example/very/lo</span>'
    '<span class="invisible">ng/path?x=1&amp;y=2</span></a> now</p>'
)
NAMED = (
    '<p><span class="h-card"><a href="https://brand.example/@acme" class="u-url mention">@<span>acme</span></a></span> hi<br />'
    'there</p><p>second <a href="https://brand.example/tags/acme" class="mention hashtag" rel="tag">#<span>acme</span></a></p>'
)


@pytest.mark.parametrize(
    ("markup", "text", "links"),
    [
        (SHORTENED, "See https://shop.example/very/long/path?x=1&y=2 now", ("https://shop.example/very/long/path?x=1&y=2",)),
        (NAMED, "@acme hi\nthere\n\nsecond #acme", ()),
        ('<a href="https://a.example/x">the page</a>!', "the page (https://a.example/x)!", ("https://a.example/x",)),
        ('<a href="javascript:alert(1)">click</a>', "click", ()),
        ("<a href='https://a.example'><a href='https://b.example'>b", "https://a.exampleb (https://b.example)",
         ("https://a.example", "https://b.example")),
        ("a  \n b<p>c</p>\n<p>d</p><ul><li>e<li>f</ul>g", "a b\n\nc\n\nd\n\n- e\n- f\n\ng", ()),
        ("<pre>x\n  y</pre>z", "x\n  y\n\nz", ()),
        ("1 < 2 &lt;b&gt; &amp;amp; &#128512; &#99999999999999; &nosuch;", "1 < 2 <b> &amp; 😀 � &nosuch;", ()),
        ("a<script>evil('<p>')</script>b<!-- c -->d<![CDATA[e]]>f<style>g", "abdf", ()),
        ('<span class="invisible">not hidden</span> <img alt=":blob:" src="x">', "not hidden :blob:", ()),
        ("no markup", "no markup", ()),
        ("", "", ()),
        ('half <a href="https://a.example/', 'half <a href="https://a.example/', ()),
    ],
)  # fmt: skip
def test_markup_reads_as_a_page_would(markup: str, text: str, links: tuple[str, ...]) -> None:
    found = read(markup)
    assert (found.text, found.links) == (text, links)
    assert plain(markup) == text


_PIECES = st.sampled_from([
    "<p>", "</p>", "<a href='https://x.example/", "'>", "</a>", "<!--", "-->", "<script>", "</script>", "<pre>", "&#", "9", "&amp", ";",
    "<", ">", '"', "\x00", "\ud800", "<li", "<br/>", " ", "\n", "x", "<![CDATA[", "<?", "</", "&#x110000;", "<svg/>",
])  # fmt: skip


@given(st.one_of(st.text(), st.lists(_PIECES, max_size=60).map("".join)))
def test_any_text_is_read_and_its_tags_are_gone(markup: str) -> None:
    text = read(markup).text
    assert text == text.strip()
    assert len(text) <= 10 * len(markup) + 100
    if "&" not in markup:
        assert "<p>" not in text or "<script" in markup or '"' in markup or "'" in markup


@pytest.mark.parametrize(
    "piece",
    [
        "<b>",
        "<a href='https://x.example'>",
        "<!--",
        "<![",
        "<a x='",
        '<a "',
        "<p",
        "&#9",
        "<script>",
        "<pre>\n",
        "</",
        "<",
        "<li>\n \n",
    ],
)
def test_hostile_nesting_is_read_in_a_moment(piece: str) -> None:
    begun = time.perf_counter()
    read(piece * (300_000 // len(piece)))
    assert time.perf_counter() - begun < 3.0
