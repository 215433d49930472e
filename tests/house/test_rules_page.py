"""docs/rules.md is what team leads read first: its tables are the reader's keys, its files those that are shipped, its examples do as they say."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from listener.language import Languages
from listener.rulebook.check import check
from listener.rulebook.parse import parse
from listener.rulebook.reading import SECTIONS
from listener.rulebook.shape import Rulebook, Status
from listener.rulebook.subject import Methods
from listener.sentiment import Vader
from tests.house.rules_page import PAGE, with_tables
from tests.house.test_docs import ROOT, blocks

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def test_the_tables_are_made_from_the_keys() -> None:
    page = PAGE.read_text("utf-8")
    assert page == with_tables(page), "run: python -m tests.house.rules_page"


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    page = PAGE.read_text("utf-8")
    found = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    heads = {re.sub(r"[^\w -]", "", head.strip().lower()).replace(" ", "-") for head in found}  # as GitHub makes them
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= heads


def test_every_shipped_file_is_told_and_every_told_file_is_shipped() -> None:
    told = re.findall(r"\]\(\.\./rules/([^)]+)\)", PAGE.read_text("utf-8"))
    assert sorted(told) == sorted(path.name for path in (ROOT / "rules").glob("*.yaml"))


def test_the_examples_of_the_page_do_as_they_say() -> None:
    files = {path.name: path.read_text("utf-8") for path in (ROOT / "rules").glob("*.yaml")}
    shown = {f"shown-{number}.yaml": text for number, (page, text) in enumerate(blocks("yaml")) if page == PAGE.name}
    loaded = parse({**files, **shown})
    assert isinstance(loaded, Rulebook), [str(one) for one in loaded]
    told = check(loaded, Methods(Languages.load(), Vader.load()), NOW)
    assert [str(one) for one in (*told.problems, *loaded.warnings) if one.file in shown] == []


def test_the_example_of_combining_is_what_the_shipped_rules_say() -> None:
    loaded = parse({path.name: path.read_text("utf-8") for path in (ROOT / "rules").glob("*.yaml")})
    assert isinstance(loaded, Rulebook)
    outage, billing = loaded.rule("outage"), loaded.rule("billing")
    assert outage is not None
    assert billing is not None
    assert (outage.rank, outage.then.reply_within, outage.then.team) == (20, 3600, "network")
    assert (billing.rank, billing.then.reply_within, billing.then.team) == (10, 7200, "billing")


def test_the_shipped_rules_show_what_there_is() -> None:
    """Whoever looks for how a thing is written finds it in rules/."""
    loaded = parse({path.name: path.read_text("utf-8") for path in (ROOT / "rules").glob("*.yaml")})
    assert isinstance(loaded, Rulebook)
    assert loaded.warnings == ()
    assert {rule.status for rule in loaded.rules} >= {Status.STABLE, Status.EXPERIMENTAL}
    assert any(rule.count for rule in loaded.rules)
    assert any(one.before for rule in loaded.rules for one in (*rule.fires, *rule.silent))
    assert any(rule.unless for rule in loaded.rules)
    assert any(rule.references for rule in loaded.rules)
    assert loaded.exceptions
    assert all(one.silent for one in loaded.exceptions)
    assert all(len(rule.fires) >= 3 and len(rule.silent) >= 3 for rule in loaded.rules)
    written = "\n".join(loaded.files.values())
    missing = [name for name in SECTIONS if not re.search(rf"^{name}:", written, re.MULTILINE)]
    assert missing == []
