"""What looks private is found where it stands, what only looks a little like it is left alone, and masks and findings are one."""

import pytest

from listener.private import MASKED_MAIL, Sort, hidden, hidden_spans, masked, private, reaches

FOUND = {
    "write to mia.k@mail.example now": ("mia.k@mail.example", Sort.MAIL),
    "call me: +49 (30) 123-4567!": ("+49 (30) 123-4567", Sort.PHONE),
    "0301234567 is mine": ("0301234567", Sort.PHONE),
    "card 4111 1111 1111 1111 12/27": ("4111 1111 1111 1111", Sort.CARD),
    "my amex is 378282246310005": ("378282246310005", Sort.CARD),
    "not a card: 4111 1111 1111 1112": ("4111 1111 1111 1112", Sort.PHONE),
    "it is under X7K2PQ, sorry": ("X7K2PQ", Sort.CODE),
    "your booking number AB-12345 is fine": ("AB-12345", Sort.CODE),
    "die Buchungsnummer: 8842199a": ("8842199a", Sort.CODE),
    "order no. 55121": ("55121", Sort.CODE),
}


@pytest.mark.parametrize("text", FOUND)
def test_what_is_private_is_found_where_it_stands(text: str) -> None:
    [one] = private(text)
    assert (text[slice(*one.span)], one.sort) == FOUND[text]
    shown = hidden(text)
    assert f"[{one.sort.value}]" in shown
    assert FOUND[text][0] not in shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "we are back on 2026-12-24, or 24.12.2026",
        "charged 12.50 twice in 2026, version 1.2.3, order 4711",
        "the order was cancelled on Monday",
        "see https://larkspur.example/status/1789234567890123456 for more",
        "ask @ana or #WIFI6E, WIFI or THANKS",
        "a@b, @ and mail@nowhere",
    ],
)
def test_what_is_not_private_is_left_alone(text: str) -> None:
    assert private(text) == ()


def test_whatever_is_masked_is_found_no_more() -> None:
    text = "mia@mail.example or 0301 234 5678"
    assert [one.sort for one in private(text)] == [Sort.MAIL, Sort.PHONE]
    assert masked(text).count(MASKED_MAIL) == 1
    assert "0301" not in masked(text)
    assert "mia@" not in masked(text)


def test_places_move_with_the_masks_and_what_touches_one_is_all_of_it() -> None:
    text = "call 0301 234 5678 about the bill, or mia@mail.example now"
    words = ["call", "0301", "5678 about", "the bill", "mail", "mia@mail.example now"]
    places = [place for word in words for place in (text.index(word), text.index(word) + len(word))]
    shown, moved = hidden_spans(text, places)
    assert shown == hidden(text)
    told = [shown[start:end] for start, end in zip(moved[::2], moved[1::2], strict=True)]
    assert told == ["call", "[a phone number]", " about", "the bill", "[an e-mail address]", " now"]
    assert hidden_spans("nothing at all", (0, 7)) == ("nothing at all", (0, 7))


def test_a_rule_file_names_no_address_and_a_day_is_no_number() -> None:
    assert reaches("call mia@mail.example")
    assert reaches("tel:+49 30 123456")
    assert not reaches("2026-12-24")


def test_a_long_run_costs_no_more_than_its_length() -> None:
    assert private("w" * 100_000 + "@") == ()
    assert private("1" * 100_000)[0].sort is Sort.PHONE
