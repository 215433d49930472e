"""In which language a draft is written, and how it sounds: loaded when somebody writes and the style guide asks for it, beside the loop.

The one place of the inbox that finds languages and scores tone; a message of others is never judged here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from listener import language, sentiment
from listener.rulebook import subject

if TYPE_CHECKING:
    from listener.model.judged import Tone
    from listener.rulebook.shape import Rulebook

WORDS = 4
"""A draft of fewer words has no language yet."""

KEPT = 64
"""Drafts whose answers are kept: the same text is asked about for every line that is drawn."""


async def hearing(book: Rulebook) -> Callable[[str], tuple[str, Tone]] | None:
    """What hears drafts by a rulebook; None where its style guide asks for neither language nor tone."""
    guide = book.style
    if guide is None or not (guide.languages or guide.tone):
        return None
    return await asyncio.to_thread(_hearing, book)


def _hearing(book: Rulebook) -> Callable[[str], tuple[str, Tone]]:
    methods = _methods().with_lexicon(book.lexicon)
    names = sorted({name for topic in book.topics for name in topic.names})

    @lru_cache(maxsize=KEPT)
    def hear(draft: str) -> tuple[str, Tone]:
        lang = methods.languages.find(draft) if len(draft.split()) >= WORDS else ""
        return lang, methods.vader.tone(draft, lang, names)

    return hear


@lru_cache(maxsize=1)
def _methods() -> subject.Methods:

    return subject.Methods(language.Languages.load(), sentiment.Vader.load())
