"""What stays plain text though it looks like more, and how a link is shown. Where spans stand is tested with the converters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener import facets
from listener.facets.bluesky import find_spans, shown_link, stays_plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("see https://a.example/x and @mira.example about #it", []),
        ("see www.acme.example.", [("www.acme.example", "write https:// before it")]),
        ("on acme.com/help, or acme.de!", [("acme.com/help", "write https:// before it"), ("acme.de", "write https:// before it")]),
        ("e.g. v1.2.3 at 10.30, node.js and so on...Thanks.Bye", []),
        ("ask a@acme.com", []),
        ("“https://a.example/x”", [("“https://a.example/x”", "only a space or ( may stand before it")]),
        ("https:/a.example", [("https:/a.example", "two slashes belong behind http:")]),
        ("https://me:pw@a.example", [("https://me:pw@a.example", "it holds a login")]),
        ("https://[a", [("https://[a", "no address that a program can read")]),
        ("type https:// first", []),
        ("thanks @mira!", [("@mira", "no whole handle")]),
        ("5 @ 3 and @@", []),
        ("acme.com acme.com", [("acme.com", "write https:// before it")]),
    ],
)  # fmt: skip
def test_what_looks_like_a_link_and_is_none_is_told(text: str, plain: list[tuple[str, str]]) -> None:
    assert [(one.word, one.why) for one in stays_plain(text)] == plain


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("@#.a1w é🙂\n(htps:/x.com)[]“-_"), max_size=60) | st.text())
def test_nothing_is_both_marked_and_plain_and_nothing_raises(text: str) -> None:
    wire = text.encode("utf-8", "replace")
    marked = {wire[span.start : span.end].decode() for span in find_spans(text)}
    assert not marked & {one.word for one in stays_plain(text)}
    for span in find_spans(text):
        if span.kind == "link":
            shown_link(span.value)
    for source, aside in ((one, way) for one in ("mastodon", "facebook", "instagram", "telegram") for way in (0, 1)):
        links = {one.value for one in facets.marks(source, text, aside=bool(aside)) if one.kind == "link"}
        assert not links & {one.word for one in facets.stays_plain(source, text, aside=bool(aside))}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://shop.example/", "shop.example"),
        ("http://Shop.Example:8080/a/short?b#c", "shop.example:8080/a/short?b#c"),
        ("https://shop.example/returns/and/more", "shop.example/returns/and/..."),
        ("https://аcme.example/x", "xn--cme-5cd.example/x"),
    ],
)
def test_a_link_is_shown_by_its_host(url: str, shown: str) -> None:
    assert shown_link(url) == shown
