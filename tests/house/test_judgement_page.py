"""docs/judgement.md: its sentences are judged as it says, and need no word of praise for us that is not earned."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from listener import rulefiles
from listener.assess import Judge
from listener.model.heard import Author, Hearing, Key, Mention
from listener.model.judged import Context
from listener.model.kinds import Kind, Via
from listener.rulebook.check import check
from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from listener.rulebook.signals import BUILT_IN
from listener.service.rules import load_methods
from tests.house.judgement_page import PAGE, both, with_table

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def test_the_sentences_are_judged_as_the_page_says() -> None:
    page = PAGE.read_text("utf-8")
    assert page == with_table(page), "run: python -m tests.house.judgement_page"


def test_issue_types_and_topics_come_out_as_the_page_says() -> None:
    (text,) = [
        text
        for text in re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        if "topic-" in text
    ]
    book = parse({"example.yaml": text})
    assert isinstance(book, Rulebook)
    methods = load_methods()
    assert check(book, methods, NOW).problems == (), "its examples fire, and stay silent"
    judge = Judge(book, methods, lambda: NOW)
    parcel = Mention(Key("s", "1"), "bluesky", Author("s", "ana"), "Where is my parcel?", Kind.POST, b"", langs=("en",))
    found = judge(parcel, (Hearing(1, Via.MENTION),), Context("main", addresses=True))
    assert found.tags == ("delivery", "delivery:late", "question")


def test_each_is_one_that_vader_gets_wrong_and_we_do_not() -> None:
    found = both()
    assert len({one.text for one in found}) == 20
    assert [one for one in found if one.hubbub != one.person or one.vader == one.person] == []


def test_the_shipped_file_says_all_that_is_built_in_as_it_is() -> None:
    book = rulefiles.load(rulefiles.default_folder())
    assert isinstance(book, Rulebook)
    shipped = {one.key: one for one in book.need}
    assert {key: (shipped[key].title, shipped[key].weight, shipped[key].why) for key in BUILT_IN} == {
        key: (one.title, one.weight, one.why) for key, one in BUILT_IN.items()
    }
    assert all(one.why and one.must and one.must_not for one in shipped.values() if one.when is not None)
