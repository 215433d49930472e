"""docs/judgement.md: its sentences are judged as it says, and need no word of praise for us that is not earned."""

from __future__ import annotations

from listener import rulefiles
from listener.rulebook.shape import Rulebook
from listener.rulebook.signals import BUILT_IN
from tests.house.judgement_page import PAGE, both, with_table


def test_the_sentences_are_judged_as_the_page_says() -> None:
    page = PAGE.read_text("utf-8")
    assert page == with_table(page), "run: python -m tests.house.judgement_page"


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
