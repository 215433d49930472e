"""A query as a condition over stored mentions. Owns the translation; refuses to promise more than a superset: the matcher decides.

The condition reads `v.words` of mention_versions, which holds `words.index_words` of the text. Values always travel as parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from listener.query.tree import And, Field, Handle, Node, Not, Or, Phrase, Prefix, Tag, Word
from listener.query.words import pair, unspaced


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL over `v.words` with numbered placeholders, and what stands in them."""

    sql: str
    parameters: tuple[str, ...]


def condition(tree: Node, first: int = 1) -> Condition | None:
    """A condition that every match fulfils, served by the index on `words`. Placeholders count from `first`.

    None: no index can serve this query; search backwards in time within a budget instead.
    """
    wanted = _tsquery(tree)
    return None if wanted is None else Condition(f"v.words @@ ${first}::text::tsquery", (wanted,))


def _tsquery(node: Node) -> str | None:
    """The query in the words of a tsquery; None where nothing can be asked of the index."""
    match node:
        case Word(key=key):
            return _quoted(key)
        case Prefix(stem=stem):
            return _quoted(stem) + ":*"
        case Tag(form=form) | Handle(form=form):
            return _quoted(form)
        case Phrase(keys=keys):
            found = dict.fromkeys(_quoted(key) for key in keys)
            found |= dict.fromkeys(
                _quoted(pair(left, right)) for left, right in pairwise(keys) if unspaced(left) and unspaced(right)
            )
            return _joined(list(found), " & ")
        case And(parts=parts):
            known = [one for part in parts if (one := _tsquery(part)) is not None]
            return _joined(known, " & ") if known else None
        case Or(parts=parts):
            ways = [_tsquery(part) for part in parts]
            return None if None in ways else _joined([way for way in ways if way is not None], " | ")
        case Not() | Field():
            return None


def _joined(parts: list[str], sign: str) -> str:
    return parts[0] if len(parts) == 1 else "(" + sign.join(parts) + ")"


def _quoted(lexeme: str) -> str:
    """A lexeme as tsquery's own grammar quotes it."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
