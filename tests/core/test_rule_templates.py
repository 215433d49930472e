"""What `hubbub rules new` prints is right as it is, beside the shipped rules, and every key that it offers is one."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from listener.language import Languages
from listener.rulebook.check import check
from listener.rulebook.parse import parse
from listener.rulebook.reading import SECTIONS
from listener.rulebook.shape import Rulebook
from listener.rulebook.subject import Methods
from listener.rulebook.templates import SORTS, section_of, template
from listener.sentiment import Vader
from tests.core.test_rulebook import parse_shipped, shipped_files

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
METHODS = Methods(Languages.load(), Vader.load())
SHIPPED = parse_shipped()


def made(section: str, name: str) -> str:
    return template(section, name, {"rule": SHIPPED.rules[0].id, "team": SHIPPED.teams[0].key})


def shipped_but_style() -> dict[str, str]:
    """The shipped files, without those that have what may stand in one file only."""
    once = tuple(f"{name}:" for name, section in SECTIONS.items() if section.once)
    return {path: text for path, text in shipped_files().items() if not any(key in text for key in once)}


@pytest.mark.parametrize("name", ["my-own", "24-7", "no"])
def test_every_template_is_good_beside_the_shipped_rules(name: str) -> None:
    loaded = parse({**shipped_but_style(), **{f"new-{section}.yaml": made(section, name) for section in SECTIONS}})
    assert isinstance(loaded, Rulebook), [str(one) for one in loaded]
    checked = check(loaded, METHODS, NOW)
    told = (*loaded.warnings, *checked.problems, *checked.warnings)
    assert [str(one) for one in told if one.file.startswith("new-")] == []
    found = {one.place.file: named(one) for one in things(loaded)}  # type: ignore[attr-defined]
    for section in SECTIONS.keys() - {"lists", "queries", "exceptions", "style"}:
        assert name in found[f"new-{section}.yaml"]


def named(one: object) -> str:
    return next((str(getattr(one, name)) for name in ("key", "id", "handle") if hasattr(one, name)), "")


def things(loaded: Rulebook) -> list[object]:
    some = (getattr(loaded, name) for name in SECTIONS if hasattr(loaded, name))
    return [one for all_ in some if isinstance(all_, tuple) for one in all_ if one.place.file.startswith("new-")]


def test_every_key_of_a_template_may_be_used_as_it_is_offered() -> None:
    whole = {
        f"new-{section}.yaml": re.sub(r"^( *)#(?=\S)", r"\1", made(section, "my-own"), flags=re.MULTILINE)
        for section in SECTIONS
    }
    # An overlay changes the shipped words or has words of its own for another language, never both.
    own = re.compile(r"^ *(?:method|negations|boosters):.*\n", re.MULTILINE)
    overlay = {"new-lexicon.yaml": own.sub("", whole["new-lexicon.yaml"])}
    loaded = parse({**shipped_but_style(), **whole, **overlay})
    found = [] if isinstance(loaded, Rulebook) else loaded
    # What it would point at is not there yet, and an entry of the calendar has a day or goes from one to another.
    sorts = ("topic", "hours", "person", "reply", "alert", "rota", "rule", "team", "route", "chain")
    missing = {f"unknown-{sort}" for sort in sorts} | {"one-of-both", "no-calendar"}
    assert [str(one) for one in found if one.code not in missing] == []
    whole_german = re.sub(
        r"^ *(?:remove|tests):.*\n", "", whole["new-lexicon.yaml"].replace("lang: en", "lang: de"), flags=re.MULTILINE
    )
    assert isinstance(parse({**shipped_but_style(), "new-lexicon.yaml": whole_german}), Rulebook), (
        "and words of its own"
    )
    for section in SECTIONS:
        for key in SECTIONS[section].keys.keys:
            text = whole[f"new-{section}.yaml"]
            assert re.search(rf"^(  - |    |  ){re.escape(key.name)}:", text, re.MULTILINE), key.name


def test_each_section_has_a_name_for_one_thing_of_it() -> None:
    assert set(SORTS.values()) == set(SECTIONS)
    assert {"rule": "rules", "topic": "topics", "exception": "exceptions", "team": "teams"}.items() <= SORTS.items()
    assert [section_of(sort) for sort in ("rules", "rule", "reply", "hours", "nothing")] == [
        "rules", "rules", "replies", "hours", None,
    ]  # fmt: skip
