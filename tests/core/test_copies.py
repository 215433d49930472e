"""Which texts are taken for near-copies: those that people copy, hardly ever others, and always the same ones."""

from __future__ import annotations

import random
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from listener.copies import ALIKE, FEWEST, Sketch, alike, sketch

COMPLAINT = (
    "I ordered the blue kettle three weeks ago and nobody at {0} answers my mails about order {1}, please help {2}"
)

COMMON = (
    "the a to of and i my is not it for you in have was on with this that your are be but at so we can no just they"
)


def near(one: str, other: str) -> bool:
    """As the database does it: a band in common, then the marks."""
    a, b = sketch(one), sketch(other)
    return a is not None and b is not None and meet(a, b)


def meet(a: Sketch, b: Sketch) -> bool:
    return not set(a.bands).isdisjoint(b.bands) and alike(a.marks, b.marks) >= ALIKE


def test_another_name_link_or_number_makes_no_other_text() -> None:
    first = COMPLAINT.format("Larkspur", "4711", "https://a.test/1")
    for name, number, link in (
        ("LARKSPUR", "4711", ""), ("Larkspur", "99-123", ""), ("Larkspur", "4711", "https://spam.test/x?y=2"),
        ("Brambletel", "1", "https://b.test"),
    ):  # fmt: skip
        assert near(first, COMPLAINT.format(name, number, link))
    assert near(first, "@someone.test " + first.upper() + " !!!")


def test_other_complaints_in_nearly_the_same_words_stay_apart() -> None:
    assert not near(
        "My invoice of last month is wrong, you charged me twice and nobody answers the phone",
        "Your app crashes whenever I open the settings page on my old phone, please fix it",
    )
    assert not near(
        "When does the shop in Vienna open on Sunday, and is there parking next to it?",
        "When will the new phone be sold in Vienna, and is there a discount for students?",
    )


def test_a_short_text_has_no_sketch() -> None:
    assert sketch("thank you") is None
    assert sketch("") is None
    assert sketch(" ".join(["word"] * (FEWEST - 1))) is None
    assert sketch("https://a.test/one https://a.test/two @you") is None


def test_in_a_short_text_one_other_word_says_something_else() -> None:
    assert near("@shop WHERE is my order, 4711??", "where is my order 12 https://a.test")
    assert not near("where is my order", "where is my refund")
    assert not near("please tell me where my parcel is", "please tell me where my refund is")
    assert not near(
        "larkspur down again, worst provider ever", "larkspur down again, worst provider ever, I am leaving for good"
    )


def test_the_sketch_of_a_text_never_changes_unless_its_version_does() -> None:
    """Bands are in databases: another way of making them needs another `VERSION`."""
    made = sketch(COMPLAINT.format("Larkspur", "4711", ""))
    assert made is not None
    assert (made.bands[0], made.marks.hex()) == PINNED
    other = bytes((made.marks[0] + 1, *made.marks[1:]))
    assert alike(made.marks, made.marks) == 24
    assert alike(made.marks, other) == 0


PINNED = (-696221571, "026d0454bb20e069d5c483448e3230a1f4230c1689d4a94209")


@given(st.text(max_size=300))
def test_no_text_breaks_it_and_every_text_is_its_own_copy(text: str) -> None:
    made = sketch(text)
    assert made == sketch(text)
    if made is not None:
        assert meet(made, made)
        assert all(-(2**31) <= band < 2**31 for band in made.bands)


def test_most_copies_are_found_and_hardly_anything_else() -> None:
    """The figures in the module's docstring, on made-up texts: half common words, half of a vocabulary where few are frequent."""
    rng = random.Random(5)
    common, letters = COMMON.split(), "abcdefghijklmnopqrstuvwxyz"
    rare = ["".join(rng.choices(letters, k=5)) for _ in range(3000)]

    def text(n: int) -> str:
        words = (
            rng.choice(common) if rng.random() < 0.5 else rare[min(int(rng.paretovariate(0.6)), 2999)] for _ in range(n)
        )
        return " ".join(words)

    def changed(text: str) -> str:
        words = text.split()
        at = rng.randrange(len(words))
        how = rng.randrange(5)
        if how == 0:
            words.insert(at, rng.choice(rare).title())
        elif how == 1:
            words[at : at + 1] = [rng.choice(rare).title(), rng.choice(rare).title()]
        elif how == 2:
            words[at] = rng.choice(rare)
        elif how == 3:
            words.insert(at, str(rng.randrange(10**6)))
        else:
            words.append(f"https://x.test/{rng.choice(rare)}")
        return " ".join(words)

    found: dict[bool, list[bool]] = {True: [], False: []}
    sketches = []
    for _ in range(600):
        n = rng.choice((8, 10, 12, 16, 20, 30, 45))
        first = text(n)
        found[n >= 12].append(near(first, changed(changed(first))))
        if (made := sketch(first)) is not None:
            sketches.append(made)
    assert sum(found[True]) / len(found[True]) >= 0.93
    assert sum(found[False]) / len(found[False]) >= 0.7
    wrong = sum(meet(one, other) for one, other in combinations(sketches, 2))
    assert wrong <= 6, f"of {len(sketches) * (len(sketches) - 1) // 2:,} pairs"
