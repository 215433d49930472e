"""A draft beside the style guide: whole words, reasons, and what is hard. And who and what may not stand in a public draft."""

import pytest

from listener.model.judged import Tone
from listener.model.scales import ToneLabel
from listener.rulebook.guide import CHECKS, Guide, Word
from listener.style import FIELD, PERSON, Finding, Somebody, findings, private

GUIDE = Guide(
    banned=(
        Word("per our policy", "people want a reason", "because"),
        Word("unfortunately"),
        Word("café au lait"),
        Word("!!!"),
    ),
    wanted=(Word("thank you"), Word("thanks")),
    greeting="Hi {author},",
    sign_off="^{agent}",
    emoji=1,
    links=frozenset({"acme.example"}),
    longest=120,
    languages=frozenset({"en"}),
    tone="not negative",
    hard=frozenset({"banned", "links"}),
)
GOOD = "Hi Mira, thanks for telling us. We are on it. ^Ana"
VALUES = {"author": "Mira", "agent": "Ana Sol", "brand": "Acme"}


def codes(draft: str, guide: Guide = GUIDE, **more: object) -> list[str]:
    return [one.code for one in findings(draft, guide, values=VALUES, **more)]  # type: ignore[arg-type]


def only(guide: Guide, draft: str) -> list[tuple[str, str, bool]]:
    return [(draft[slice(*one.span)], one.code, one.blocks) for one in findings(draft, guide)]


def test_a_draft_as_we_write_it_has_no_findings() -> None:
    assert codes(GOOD, lang="en") == []
    assert findings(GOOD, None) == ()
    assert codes("") == [], "nothing is asked of an empty page"


@pytest.mark.parametrize("draft", ["UNFORTUNATELY not", "so, unfortunately.", "un\u00adfortunately"])
def test_a_banned_word_is_found_however_it_is_written(draft: str) -> None:
    [one] = findings(draft, Guide(banned=GUIDE.banned, hard=GUIDE.hard))
    assert one.code == "banned"
    assert one.blocks


@pytest.mark.parametrize(
    "draft",
    ["fortunately", "unfortunatelyish", "superpolicy", "see https://x.example/unfortunately", "per our old policy"],
)
def test_a_banned_word_inside_another_or_an_address_is_none(draft: str) -> None:
    assert findings(draft, Guide(banned=GUIDE.banned)) == ()


def test_a_banned_phrase_says_why_and_what_to_say_instead() -> None:
    draft = "No, per  our Policy"
    [one] = findings(draft, Guide(banned=GUIDE.banned))
    assert draft[slice(*one.span)] == "per  our Policy"
    assert str(one) == "“per  our Policy” is not how we say it: people want a reason; say “because”"
    assert not one.blocks, "soft unless the guide says hard"
    assert only(Guide(banned=GUIDE.banned), "no!!!") == [("!!!", "banned", False)]


def test_greeting_and_sign_off() -> None:
    assert codes("Hello Mira, thanks. ^Ana") == ["greeting"]
    assert codes("hi  MIRA JONES: thanks. ^ana sol.") == []
    assert codes("Hello, thanks. ^Ana", first=False) == [], "only a first reply greets"
    assert codes("Hi Mira, thanks. ^Bo") == ["sign-off"]
    assert codes("Hi Mira, ^Ana says thanks") == ["sign-off"], "at the end"
    assert findings("Helloween", Guide(greeting="Hello"))[0].code == "greeting"


def test_emoji_links_length_and_language() -> None:
    assert only(Guide(emoji=1), "👍🏽 fine 👩‍👩‍👧‍👦") == [("👩‍👩‍👧‍👦", "emoji", False)]
    assert only(Guide(emoji=0), "1# is fine ©") == []
    assert only(Guide(longest=3), "abcde") == [("de", "longest", False)]
    assert [one.code for one in findings("hola", GUIDE, lang="es") if one.code == "languages"] == ["languages"]
    assert findings("hola", Guide(languages=GUIDE.languages)) == (), "a language that nobody found is not wrong"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/acme.example",
        "https://acme.example.evil.example",
        "https://notacme.example",
        "https://acme.example@evil.example",
        "https://evil.example\\@acme.example",
        "http://[half",
        "www.evil.example",
    ],
)
def test_a_link_elsewhere_is_found_and_blocks(link: str) -> None:
    [one] = findings(f"see {link}", Guide(links=GUIDE.links, hard=GUIDE.hard))
    assert (one.code, one.blocks) == ("links", True)


@pytest.mark.parametrize("link", ["https://acme.example", "https://HELP.acme.example./x?a=1.", "www.acme.example/x"])
def test_a_link_home_is_fine(link: str) -> None:
    assert findings(f"see {link}", Guide(links=GUIDE.links)) == ()


@pytest.mark.parametrize(
    ("wanted", "label", "told"),
    [
        ("not negative", ToneLabel.NEGATIVE, ["it sounds negative (−0.61): we sound not negative"]),
        ("not negative", ToneLabel.NEUTRAL, []),
        ("positive", ToneLabel.NEUTRAL, ["it sounds neutral (−0.61): we sound positive"]),
        ("positive", ToneLabel.POSITIVE, []),
        ("positive", ToneLabel.NOT_SCORED, []),
        ("", ToneLabel.NEGATIVE, []),
    ],
)
def test_how_a_draft_sounds_is_told_where_it_can_be_scored(wanted: str, label: ToneLabel, told: list[str]) -> None:
    tone = Tone(label) if label is ToneLabel.NOT_SCORED else Tone(label, 0.3, 0.7, 0.0, -0.612)
    assert [str(one) for one in findings("no words", Guide(tone=wanted), tone=tone)] == told
    assert findings("no words", Guide(tone=wanted)) == (), "nobody listened"


def test_every_check_of_the_guide_can_find_something_and_block() -> None:
    bad = "Unfortunately 👍👍 see https://evil.example " + "so long " * 20
    found = findings(
        bad,
        Guide(**{name: getattr(GUIDE, name) for name in GUIDE.__slots__ if name != "hard"}, hard=frozenset(CHECKS)),
        lang="es",
        tone=Tone(ToneLabel.NEGATIVE, 0.5, 0.5, 0.0, -0.6),
    )
    assert {one.code for one in found} == set(CHECKS)
    assert all(one.blocks for one in found)


def test_a_field_without_a_value_blocks_without_any_guide() -> None:
    assert findings("Hello {author}, {other}", None) == (
        Finding((6, 14), FIELD, "{author} has no value: write it", blocks=True),
    )


# Private -------------------------------------------------------------------------------------------------------------

MIRA, BO, MAY = (
    Somebody("mira.test", "Mira Jones"),
    Somebody("bo-lind.example.test", "Bo Lind"),
    Somebody("may.test", "May"),
)


def told(draft: str, *others: Somebody) -> list[tuple[str, str]]:
    found = private(draft, answered=MIRA, others=others, ours=["larkspur.test"], domains=["larkspur.example"])
    return [(draft[slice(*one.span)], one.code) for one in found]


def test_another_customer_is_found_by_handle_and_name_and_the_one_who_is_answered_is_not() -> None:
    assert told("@mira.test and @mira, Mira Jones, mira.test: @larkspur.test is here", BO, MAY) == []
    assert told("ask @bo-lind.example.test.", BO) == [("@bo-lind.example.test", PERSON)]
    assert told("ask @bo-lind", BO) == [("@bo-lind", PERSON)]
    assert told("as Bo-Lind.Example.Test said", BO) == [("Bo-Lind.Example.Test", PERSON)]
    assert told("as BO LIND said", BO) == [("BO LIND", PERSON)]
    assert told("ask @stranger.test") == [("@stranger.test", PERSON)], "whoever it is"
    assert told("@mira.evil.test knows", BO) == [("@mira.evil.test", PERSON)]


def test_a_name_that_is_a_word_is_none_and_neither_is_a_part_of_who_is_answered() -> None:
    assert told("May I help? Kaboo linda", MAY, BO) == []
    assert told("Hello Mira", Somebody("other.test", "Mira")) == []
    assert told("Jasmine is right", Somebody("j.test", "jasmine")) == [("Jasmine", PERSON)]


def test_what_is_private_is_told_and_our_own_address_is_not() -> None:
    assert told("mail help@larkspur.example or mia@mail.example, call 0301234567") == [
        ("mia@mail.example", "mail"),
        ("0301234567", "phone"),
    ]
    assert not any(one.blocks for one in private("0301234567", answered=MIRA)), "it is asked about, not forbidden"
