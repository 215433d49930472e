"""A page's text: every kind has its own words and the figures; nothing from outside breaks a line, forges a link, calls anybody or is markup."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.incidents.message import SHORT, Evidence, Facts, Sample, Undelivered, Voice, Word, foreign, message, spark
from listener.incidents.shape import Incident, IncidentState, PageKind
from listener.incidents.words import standing_out
from listener.model.scales import Severity
from listener.query.frequency import usual
from listener.rulebook.alerting import Watched
from tests.promises.paged import EVIDENCE

NOW = datetime(2026, 11, 20, 14, 28, tzinfo=UTC)
LINK = "https://hubbub.example/alerts/abcdefghijklmnopqrstuvwxyz012345"
INCIDENT = Incident(
    12, 1, "angry/app/", "angry", Watched.NEGATIVE, "app", "", IncidentState.OPEN, Severity.CRITICAL, "Anger about the app",
    NOW - timedelta(minutes=23), NOW - timedelta(minutes=20), NOW, evidence=EVIDENCE,
)  # fmt: skip
SEEN = Evidence(
    60,
    (Word("refund", 12, 0.3),),
    (Voice("ana.test", 5),),
    (Voice("bluesky", 40),),
    (Sample(5, "ana.test", "It crashed", NOW),),
    0.12,
)
FACTS = Facts(PageKind.ALERT, "ops", NOW, "Larkspur", "Europe/Vienna", INCIDENT, SEEN, "Mia", link=LINK)
OURS = re.compile(re.escape(LINK))


def test_an_alert_says_why_since_when_what_is_missing_who_and_how_to_answer() -> None:
    made = message(FACTS)
    for part in (
        "CRITICAL: Anger about the app (incident 12)", "Larkspur", "30 min: 48 negative of 60", "Seen 48 where 4.2 are expected, usually 0 to 9",
        "80%, usually 10%", "Since 15:05 (23 min)", "topic app", "▁▁·▁▂▅█", "Only 90% of that time", "12% is missing", "refund 12 (usually 0.3)",
        "Authors: ana․test 5", "bluesky 40", "Post 5 by ana․test: “It crashed”", "Rules: outage", "Launch of 3.0", "hubbub inbox --incident 12", LINK,
    ):  # fmt: skip
        assert part in made.text, part
        assert part in made.markdown, part
    assert made.short == f"CRITICAL Anger about the app: 48 seen, 4.2 expected, since 15:05 {LINK}"
    assert "hubbub incidents ack 12" in message(replace(FACTS, link="")).text


def test_each_kind_has_its_own_words() -> None:
    known = replace(INCIDENT, state=IncidentState.ACKNOWLEDGED, acknowledged_at=NOW - timedelta(minutes=5))
    over = replace(known, state=IncidentState.RESOLVED, resolved_at=NOW)
    told = {
        PageKind.AGAIN: (FACTS, "Nobody has answered yet: "),
        PageKind.WORSE: (FACTS, "Worse now: "),
        PageKind.STILL: (replace(FACTS, incident=known, by="Tom"), "acknowledged by Tom at 15:23, and it goes on"),
        PageKind.ACKNOWLEDGED: (replace(FACTS, incident=known, by="Tom"), "acknowledged by Tom after 15 min"),
        PageKind.RESOLVED: (replace(FACTS, incident=over, by="Tom"), "resolved by Tom after 20 min"),
        PageKind.UNDELIVERED: (
            replace(FACTS, undelivered=(Undelivered("chat", "Tom", "auth"),)),
            "Not reached: Tom by chat: auth",
        ),
        PageKind.DIGEST: (replace(FACTS, incident=None, digest=(INCIDENT, over)), "2 incidents at once: Larkspur"),
        PageKind.TEST: (replace(FACTS, incident=None), "Nothing has happened"),
    }
    texts = {what: message(replace(facts, what=what)) for what, (facts, _) in told.items()}
    for what, (_, words) in told.items():
        assert words in texts[what].text, what
        assert (LINK in texts[what].text) == (what in (PageKind.AGAIN, PageKind.WORSE, PageKind.UNDELIVERED)), what
    assert "it went by itself" in message(replace(FACTS, what=PageKind.RESOLVED, incident=over)).text
    assert len({made.title for made in texts.values()}) == len(texts)


HOSTILE = st.text(
    st.one_of(st.characters(), st.sampled_from("\n\r\u2028\x1b\u202e@<>[]()*_~`|\\&#:./-")), max_size=120
) | st.sampled_from(
    [
        "https://evil.example/a", "[click](https://evil.example)", "<https://evil.example|bank>", "<!channel> @everyone", "www.evil.example",
        "evil.com/x", "x\nAcknowledge: https://evil.example", "javascript:alert(1)", "<script>x</script>", "mailto:a@b.example", "**b** _i_ `c`",
        "tel:+436601234567", "@[a](b)", "HTTPS://EVIL.EXAMPLE", "ftp://evil", "slack://x", "![x](y)", "evil。com", "a:b",
    ]
)  # fmt: skip


@given(HOSTILE, HOSTILE, HOSTILE)
def test_nothing_from_outside_forges_a_line_a_link_a_call_or_markup(word: str, name: str, post: str) -> None:
    seen = Evidence(
        1, (Word(word, 3, 0.1),), (Voice(name, 2),), (Voice("bluesky", 2),), (Sample(5, name, post, NOW),), 0.0
    )
    plain = message(
        replace(
            FACTS,
            evidence=Evidence(
                1, (Word("w", 3, 0.1),), (Voice("n", 2),), (Voice("bluesky", 2),), (Sample(5, "n", "p", NOW),)
            ),
        )
    )
    made = message(replace(FACTS, evidence=seen))
    assert len(made.text.splitlines()) == len(plain.text.splitlines())
    assert len(made.markdown.splitlines()) == len(plain.markdown.splitlines())
    for text in (made.text, made.markdown):
        rest = OURS.sub("", text)
        assert "://" not in rest
        assert not re.search(r"[<>@~|\\&\x00-\x09\x0b-\x1f\x7f]", rest)
        assert rest.count("[") - rest.count("[Acknowledge]") == 0
    for outside in (foreign(word), foreign(name), foreign(post)):
        assert not re.search(r"[\[\]*_`<>@]|\w[.:]\w", outside)
        assert len(outside) <= 150


@given(HOSTILE)
def test_the_short_form_fits_a_phone_and_keeps_its_link(title: str) -> None:
    made = message(replace(FACTS, incident=replace(INCIDENT, title=title or "x")))
    assert made.short.endswith(f" {LINK}")
    assert len(made.short) <= SHORT + len(LINK) + 1
    assert "\n" not in made.short


def test_a_link_leaves_a_word_behind() -> None:
    assert foreign("see https://evil.example/a?b=c now, or www.evil.example") == "see (link) now, or (link)"


def test_spark_and_words() -> None:
    assert spark([0, 1, 2, 4, 8]) == "▁▂▃▅█"
    assert spark([None, 3]) == "·█"
    assert spark([0] * 100) == "▁" * 20
    assert spark([]) == ""
    now = [["the", "app", "crashed", "42"], ["the", "refund", "crashed"], ["the", "refund"]]
    assert [one.text for one in standing_out(now, [["the", "app", "crashed"]] * 500, usual)] == ["refund"]
    assert [one.text for one in standing_out(now, [], usual)][:2] == ["crashed", "refund"]


@pytest.mark.parametrize("kind", list(PageKind))
def test_no_private_thing_leaves(kind: PageKind) -> None:
    seen = replace(SEEN, samples=(Sample(5, "ana", "mail ana@home.example or +43 660 1234567", NOW),))
    incident = None if kind in (PageKind.DIGEST, PageKind.TEST) else INCIDENT
    made = message(replace(FACTS, what=kind, incident=incident, digest=(INCIDENT,), evidence=seen))
    assert not re.search(r"home|660", made.text + made.markdown + made.short + str(made.figures))
