"""`hubbub rules try`: one text through the whole judgement, without storing it: what it would come to, by which rules, and which nearly fired.

Owns the options that make a message of a text, and the printing. What only history knows (counts, earlier messages of the author) is not
there: `hubbub rules replay` asks that of what was heard.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from listener.cli import FINE
from listener.cli.asked import instant
from listener.cli.rules.folder import add_folder, methods_asked, rulebook_asked
from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.model.judged import Assessment
    from listener.query.explain import Explained
    from listener.rulebook.explain import Why
    from listener.rulebook.shape import Rulebook

KINDS = ("post", "comment", "reply", "repost", "quote", "review", "dm")
NEARLY = 5
"""Rules that did not fire and are shown."""
MAX_TEXT = 100_000


def configure(parser: argparse.ArgumentParser) -> None:
    """The text, and what else is known of the message."""
    parser.add_argument("text", metavar="TEXT", help="what is said; - reads it from stdin")
    parser.add_argument("--source", default="bluesky", metavar="NETWORK", help="where (bluesky)")
    parser.add_argument("--author", default="someone.example", metavar="HANDLE", help="by whom (someone.example)")
    parser.add_argument("--followers", type=_people, metavar="N", help="how many follow them; else not known")
    parser.add_argument("--at", type=instant, metavar="TIME", help="when (ISO 8601); default: now")
    parser.add_argument("--lang", metavar="LANG", help="its language, as the author claims it; else it is guessed")
    parser.add_argument("--kind", choices=KINDS, default="post", help="what sort of message (post)")
    parser.add_argument("--brand", metavar="KEY", help="the brand that hears it; default: the only one in the rules")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--addressed", action="store_true", default=True, help="it addresses an account of ours (default)"
    )
    which.add_argument("--not-addressed", dest="addressed", action="store_false", help="it addresses nobody")
    add_folder(parser)
    parser.epilog = """\
examples:
  hubbub rules try "No internet since this morning, what is going on?"
  hubbub rules try "larkspur is down again" --not-addressed --lang en --at 2026-11-28T22:00+01:00
  hubbub rules try --rules ./rules "where is my refund" --followers 20000 --json | jq .assessment.priority

Nothing is stored or sent. A rule that counts never fires on one message alone.
Exit codes: 0 judged, 2 wrong usage or rules that cannot be read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a text."""

    text: str
    brand: str
    addressed: bool
    topics: tuple[str, ...]
    at: datetime
    assessment: Assessment
    nearly: tuple[Why, ...]


def run(arguments: argparse.Namespace) -> int:
    """Judges; prints what it comes to."""
    from listener.cli.terminal import print_json

    rulebook = rulebook_asked(arguments)
    outcome = _judged(rulebook, arguments)
    if arguments.json:
        print_json(_plain(outcome))
    else:
        print("\n".join(_lines(outcome, rulebook)))
    return FINE


def _people(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number of people; write it as 20000")
    return int(text)


def _text(given: str) -> str:
    from listener.cli.terminal import USAGE_CODE

    text = sys.stdin.read(MAX_TEXT + 1) if given == "-" else given
    if len(text) > MAX_TEXT:
        raise FixMe("the text is too long", hint=f"at most {MAX_TEXT:,} characters", code=USAGE_CODE)
    return text


def _brand(rulebook: Rulebook, asked: str | None) -> str:
    from listener.cli.terminal import USAGE_CODE
    from listener.query.fields import did_you_mean

    known = {topic.brand for topic in rulebook.topics} | {one for rule in rulebook.rules for one in rule.scope.brands}
    known.discard("")
    if asked is None:
        return next(iter(known)) if len(known) == 1 else ""
    if known and asked not in known:
        raise FixMe(f"the rules name no brand {asked!r}", hint=did_you_mean(asked, known), code=USAGE_CODE)
    return asked


def _judged(rulebook: Rulebook, arguments: argparse.Namespace) -> Outcome:
    from listener.assess import assess, topics_of
    from listener.model.heard import Author, Hearing, Key, Mention
    from listener.model.judged import Context
    from listener.model.kinds import Kind, Via
    from listener.rulebook.explain import why_all
    from listener.rulebook.subject import heard_by, judged

    at: datetime = arguments.at or datetime.now(UTC)
    text, brand = _text(arguments.text), _brand(rulebook, arguments.brand)
    author = arguments.author.removeprefix("@")
    mention = Mention(
        key=Key("tried", "1"),
        source=arguments.source,
        author=Author("tried", author, author),
        text=text,
        kind=Kind(arguments.kind),
        raw=b"",
        langs=(arguments.lang,) if arguments.lang else (),
        network_at=at,
    )
    # Whoever addresses us here addresses all of us.
    ours = {handle for topic in rulebook.topics for handle in topic.accounts} if arguments.addressed else ()
    topics = topics_of(rulebook, brand, lambda: at)(mention, ours)
    hearings = [Hearing(1, Via.TOPIC, key) for key in topics]
    if arguments.addressed:
        hearings.append(Hearing(1, Via.MENTION))
    context = Context(brand, addresses=arguments.addressed, followers=arguments.followers)
    methods = methods_asked(arguments).with_lexicon(rulebook.lexicon)
    assessment = assess(mention, hearings, context, rulebook, methods, at)
    heard = heard_by(hearings, brand, rulebook)
    subject, _ = judged(mention, heard, methods, context, rulebook.signals)
    missed = [one for one in why_all(rulebook, subject, heard, context, at) if not one.fires]
    nearly = sorted(filter(None, map(_nearness, missed)), key=lambda one: (one[0], one[1].rule.id))
    return Outcome(text, brand, arguments.addressed, topics, at, assessment, tuple(one for _, one in nearly[:NEARLY]))


def _nearness(why: Why) -> tuple[tuple[int, float], Why] | None:
    """How far a rule was from firing: parts that are false, then the share of its query that is. None: nothing of it is here."""
    from listener.cli.rules.reasons import touched

    false = sum(not part.true for part in why.parts)
    tree = next((part.tree for part in why.parts if part.name == "when"), None)
    if tree is None or not (tree.true or touched(tree) or _but_for_one(tree)):
        return None
    parts = tree.parts or (tree,)
    return (false, 0.0 if tree.true else sum(not part.true for part in parts) / len(parts)), why


def _but_for_one(tree: Explained) -> bool:
    """Whether of all that must hold together, not only of what must not be there, one thing alone is missing."""
    from listener.query.tree import And, Not

    false = [part for part in tree.parts if not part.true]
    there = any(part.true and not isinstance(part.node, Not) for part in tree.parts)
    return isinstance(tree.node, And) and len(false) == 1 and there


# For people ----------------------------------------------------------------------------------------------------------


def _lines(outcome: Outcome, rulebook: Rulebook) -> Iterator[str]:
    made = outcome.assessment
    tone = made.tone
    numbers = (
        ""
        if tone.compound is None
        else f", compound {tone.compound:g} (neg {tone.neg:g}, neu {tone.neu:g}, pos {tone.pos:g})"
    )
    brand = f" of {outcome.brand}" if outcome.brand else ""
    topics = f"by topic {', '.join(outcome.topics)}" if outcome.topics else "by no topic"
    yield _row("heard", f"{topics}{brand}; it addresses {'us' if outcome.addressed else 'nobody'}")
    yield _row("language", made.lang or "not sure")
    part = f"; about us: {tone.about.value}" if tone.about not in {None, tone.label} else ""
    yield _row("tone", f"{tone.label.value.replace('_', ' ')}{numbers}{part}")
    signals = [f"{one['signal']} {one['value']:g}" for one in made.because if "signal" in one]
    yield _row("need", f"{made.need:g}{': ' if signals else ''}{', '.join(signals)}")
    fired = [one for one in made.because if "rule" in one]
    for one in fired:
        shadow = " (experimental: changes nothing)" if one.get("shadow") else ""
        words = _words(outcome.text, one["spans"])
        yield _row("fires", f"{one['rule']}: {one['title']}{shadow}{words}")
        if one["then"]:
            yield _row("", f"-> {', '.join(one['then'])}")
    if not fired:
        yield _row("fires", "no rule")
    yield _row("comes to", "; ".join(_comes_to(outcome, rulebook)))
    yield from _nearly(outcome)


def _comes_to(outcome: Outcome, rulebook: Rulebook) -> Iterator[str]:
    from listener.rulebook.combine import span

    made = outcome.assessment
    yield f"priority {made.priority.name.lower()}"
    if made.due_at is not None:
        yield f"reply due {made.due_at:%Y-%m-%d %H:%M} UTC"
    if made.resolve_by is not None:
        yield f"to be resolved by {made.resolve_by:%Y-%m-%d %H:%M} UTC"
    for name, value in (("team", made.team), ("assigned to", made.assign), ("saved reply", made.reply)):
        if value:
            yield f"{name} {value}"
    for name, values in (("tags", made.tags), ("tells alert", made.alerts)):
        if values:
            yield f"{name} {', '.join(values)}"
    if made.snooze is not None:
        yield f"put away for {span(made.snooze)}"
    if made.closes:
        yield "done at once"
    if made.hide:
        yield "somebody is asked to hide it"
    if outcome.addressed or made.opens:
        yield "a conversation"
    else:
        yield "listened to only, no conversation"


def _nearly(outcome: Outcome) -> Iterator[str]:
    from listener.cli.rules.reasons import because

    for why in outcome.nearly:
        reasons = because(why, outcome.text)
        yield _row("nearly", f"{why.rule.id}: {'; '.join(reasons[:2])}")


def _words(text: str, spans: Sequence[int]) -> str:
    from listener.rulebook.conflicts import shortened

    found = list(dict.fromkeys(text[start:end] for start, end in zip(spans[::2], spans[1::2], strict=True)))
    return f" (“{shortened(', '.join(found))}”)" if found else ""


def _row(name: str, said: str) -> str:
    from listener.cli.rules.reasons import wrapped

    return wrapped(said, f"{name:<10}")


# For programs --------------------------------------------------------------------------------------------------------


def _plain(outcome: Outcome) -> dict[str, Any]:
    from listener.cli.rules.reasons import because

    made = asdict(outcome.assessment)
    return {
        "text": outcome.text,
        "brand": outcome.brand,
        "addressed": outcome.addressed,
        "topics": list(outcome.topics),
        "at": outcome.at,
        "assessment": made | {"priority": outcome.assessment.priority.name.lower()},
        "nearly": [
            {
                "rule": why.rule.id,
                "title": why.rule.title,
                "parts": [{"part": part.name, "true": part.true, "says": part.says} for part in why.parts],
                "why": because(why, outcome.text),
            }
            for why in outcome.nearly
        ],
    }
