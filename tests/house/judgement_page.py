"""The table of docs/judgement.md: sentences that VADER gets wrong, with both verdicts. `python -m tests.house.judgement_page` writes it anew."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from listener import rulefiles
from listener.assess import assess
from listener.model.heard import Author, Hearing, Key, Mention
from listener.model.judged import Context
from listener.model.kinds import Kind, Via
from listener.rulebook.shape import Rulebook
from listener.sentiment import Vader, label
from listener.service.rules import load_methods

PAGE = Path(__file__).parents[2] / "docs" / "judgement.md"
MARKED = re.compile(r"(<!-- sentences: [^\n]* -->\n)(.*?)(<!-- end of sentences -->)", re.DOTALL)
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)

SENTENCES = (
    ("Rebooked for tomorrow, and I sleep at the gate", "negative"),
    ("two hours on hold and counting", "negative"),
    ("My bag went to Lisbon. I went to Leeds.", "negative"),
    ("Where's my parcel? It said Tuesday", "negative"),
    ("Which plan covers the islands, please?", "neutral"),
    ("I've been trying to log in since this morning, please help", "negative"),
    ("The engineer never came, and it is the second time", "negative"),
    ("So much for your super fast fibre", "negative"),
    ("What a joke of a hotline", "negative"),
    ("Still waiting for my refund, week four", "negative"),
    ("Thanks for nothing", "negative"),
    ("My card was declined at the till and the app says everything is fine", "negative"),
    ("I would like to change the address on my order", "neutral"),
    ("Internet is down in the whole street since eight", "negative"),
    ("Yes, I want the free delivery for my friend", "neutral"),
    ("It looks like the number is a new one", "neutral"),
    ("You must be kidding, the website times out as soon as I pay", "negative"),
    ("Third time on the phone, third answer, still locked out", "negative"),
    ("Please, the parcel never arrived", "negative"),
    ("Unlimited data at that price is a killer deal", "positive"),
)
"""Written for this page, and what a person would say of each."""


@dataclass(frozen=True, slots=True)
class Both:
    """A sentence with both verdicts."""

    text: str
    person: str
    compound: float
    vader: str
    hubbub: str
    need: float


def both() -> list[Both]:
    """Every sentence, by VADER as published and by the whole judgement with the shipped rules."""
    book = rulefiles.load(rulefiles.default_folder())
    assert isinstance(book, Rulebook)
    methods = load_methods()
    published, ours = methods.vader, methods.with_lexicon(book.lexicon)
    assert isinstance(published, Vader)
    found = []
    for number, (text, person) in enumerate(SENTENCES):
        mention = Mention(
            Key("page", str(number)), "bluesky", Author("page", "one"), text, Kind.POST, b"", langs=("en",)
        )
        plain = published.tone(text, "en")
        made = assess(mention, (Hearing(1, Via.MENTION),), Context("", addresses=True), book, ours, NOW)
        assert plain.compound is not None
        assert made.tone.compound == plain.compound
        found.append(Both(text, person, plain.compound, label(plain.compound).value, made.tone.label.value, made.need))
    return found


def table() -> str:
    """The rows of the page."""
    head = ["| what is said | VADER's compound | VADER | Hubbub | need |", "| --- | --- | --- | --- | --- |"]
    rows = [f"| {one.text} | {one.compound:.3f} | {one.vader} | {one.hubbub} | {one.need:.2f} |" for one in both()]
    return "\n".join([*head, *rows, ""])


def with_table(page: str) -> str:
    """The page with its table as the judgement has it."""
    return MARKED.sub(lambda found: f"{found[1]}\n{table()}\n{found[3]}", page)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")
