"""`hubbub rules explain`: why rules fire on a mention, or do not, part by part. Owns how that is printed; refuses to judge.

Texts of a network are made harmless before they are printed; --json gives them as they are, escaped by JSON.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE, wrong_usage
from listener.cli.looking import add_brand
from listener.cli.masking import add_mask, masked_why
from listener.cli.rules.folder import add_folder, as_tracked, methods_asked, rulebook_asked
from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.rulebook.explain import Part, Why
    from listener.rulebook.shape import Rulebook
    from listener.rulebook.subject import Methods
    from listener.store.connect import Pool
    from listener.store.judged import Judged


def configure(parser: argparse.ArgumentParser) -> None:
    """Which mention, which rule, by which rulebook."""
    parser.add_argument(
        "mention", metavar="MENTION",
        help="a mention's number, its at-URI or address, or c17: the last mention of conversation 17",
    )  # fmt: skip
    parser.add_argument(
        "rule", nargs="?", metavar="RULE", help="one rule by its id; default: all, those that fire first"
    )
    parser.add_argument(
        "--now", action="store_true", help="by the rulebook in force now; else by the one that judged it"
    )
    add_folder(parser)
    add_brand(parser)
    add_mask(parser)
    parser.epilog = """\
examples:
  hubbub rules explain 4711
  hubbub rules explain c17 outage                 why did outage (not) fire on it?
  hubbub rules explain 4711 outage --rules ./rules      would it, by these files?
  hubbub rules explain at://did:plc:mira/app.bsky.feed.post/3k2a --json | jq '.rules[].parts'

What the mention was judged on is taken as it was then: how it reached us, what was known of its author, and what had been counted. Of
a query those parts are shown that say why; --json has all.
Exit codes: 0 something fires (RULE, where it is given), 1 nothing does or nobody can tell, 2 wrong usage, 3 the database is not
reachable."""


def run(arguments: argparse.Namespace) -> int:
    """Explains."""
    from listener.cli.terminal import run_async

    return run_async(_explain(arguments))


async def _explain(arguments: argparse.Namespace) -> int:
    from listener.cli.looking import opened_brand
    from listener.cli.terminal import print_json, table
    from listener.store import people

    if arguments.now and arguments.rules is not None:
        raise wrong_usage("--now and --rules name two rulebooks", "give one of them")
    async with opened_brand(arguments, reading=True) as (_, house, brand_id):
        key = next(key for number, key, _ in await people.brands(house.pool) if number == brand_id)
        found = await _mention(house.pool, arguments.mention, key if arguments.brand else None)
        rulebook, named = await _rulebook(house.pool, arguments, found)
        forgotten = await _forgotten(house.pool, found)
    if arguments.rule and rulebook.rule(arguments.rule) is None:
        raise wrong_usage(f"there is no rule {arguments.rule!r} in {named}", _near(arguments.rule, rulebook))
    methods = methods_asked(arguments).with_lexicon(rulebook.lexicon)
    whys = () if found.text_gone else _whys(rulebook, methods, found, arguments.rule)
    doubts = [*_doubts(found, rulebook, whys), *forgotten]
    if not found.text_gone:
        judged_by = found.assessment.methods.get("tone", "")
        doubts += scored_otherwise(found.assessment.lang, judged_by, methods.names()["tone"])
    text = found.mention.text
    if arguments.mask:
        from listener.private import hidden

        whys, text = tuple(masked_why(why, text) for why in whys), hidden(text)
    if arguments.json:
        print_json(_told(found, text, rulebook, named, doubts, whys))
    else:
        print(table([(line,) for line in _head(found, rulebook, named)]))
        for doubt in doubts:
            print(table([(doubt,)], indent="! "))
        for why in whys:
            if arguments.rule or why.fires or _near_miss(why):
                print("\n".join(_lines(rulebook, why, text)))
        silent = [why.rule.id for why in whys if not (arguments.rule or why.fires or _near_miss(why))]
        if silent:
            print(table([(f"do not match: {', '.join(silent)}",)]))
    return FINE if any(why.fires for why in whys) else FINDINGS


def _near_miss(why: Why) -> bool:
    """Its query matches, and something else keeps it silent: that is worth showing."""
    return any(part.name == "when" and part.true for part in why.parts)


async def _mention(pool: Pool, name: str, brand: str | None) -> Judged:
    from listener.store.judged import judged
    from listener.store.naming import mentions_named

    ids = await mentions_named(pool, name)
    if not ids:
        hint = "hubbub search QUERY --json tells their numbers; c17 is the last mention of conversation 17"
        raise wrong_usage(f"there is no mention {name!r}", hint)
    if len(ids) > 1:
        raise wrong_usage(f"{name!r} is more than one mention", f"name one by its number: {', '.join(map(str, ids))}")
    found = await judged(pool, ids[0], brand)
    if found is None:
        whose = f" for {brand}" if brand else ""
        raise FixMe(
            f"mention {ids[0]} was never judged{whose}", hint="the context of a thread and our own posts are only kept"
        )
    return found


async def _rulebook(pool: Pool, arguments: argparse.Namespace, found: Judged) -> tuple[Rulebook, str]:
    """The rulebook that is asked for, and what to call it."""
    from listener.rulebook.parse import parse
    from listener.rulebook.shape import Rulebook
    from listener.store import rulebooks

    if arguments.rules is not None:
        return rulebook_asked(arguments, await as_tracked(pool)), str(arguments.rules)
    if arguments.now:
        in_force = await rulebooks.in_force(pool)
        files, hash_ = (in_force.files, in_force.hash) if in_force else (None, "")
        named = f"the rulebook in force, {hash_[:12]}"
    else:
        files, named = (
            await rulebooks.files_of(pool, found.rulebook),
            f"the rulebook of that time, {found.rulebook[:12]}",
        )
    if files is None:
        raise FixMe(f"{named} is not kept here", hint="ask by other rules: --now, or --rules FOLDER")
    loaded = parse(files)
    if not isinstance(loaded, Rulebook):
        hint = "ask by other rules: --now, or --rules FOLDER"
        raise FixMe(f"{named} cannot be read by this version", where=str(loaded[0]), hint=hint)
    return loaded, named


def _whys(rulebook: Rulebook, methods: Methods, found: Judged, rule: str | None) -> tuple[Why, ...]:
    from listener.rulebook.explain import why, why_all
    from listener.rulebook.subject import heard_by, judged
    from listener.service.replaying import hearings_by

    heard = heard_by(hearings_by(found, rulebook), found.brand, rulebook)
    subject, _ = judged(found.mention, heard, methods, found.context, rulebook.signals)
    if rule is None:
        return why_all(rulebook, subject, heard, found.context, found.at)
    asked = rulebook.rule(rule)
    assert asked is not None  # noqa: S101 - looked up before
    return (why(rulebook, asked, subject, heard, found.context, found.at),)


def _doubts(found: Judged, rulebook: Rulebook, whys: tuple[Why, ...]) -> Iterator[str]:
    """What cannot be told as it was."""
    if found.text_gone:
        fired = ", ".join(flag.rule for flag in found.flags) or "no rule"
        yield f"its text is gone: nobody can tell any more why; {fired} fired then"
        return
    if found.rulebook == rulebook.hash:
        return
    for why in whys:
        if why.rule.count is not None and _near_miss(why):
            known = why.rule.id in found.context.counts
            told = "is told as the rules of that time counted it" if known else "was not kept"
            yield f"what {why.rule.id} had counted {told}; hubbub rules replay counts again"


def scored_otherwise(lang: str, then: str, now: str) -> Iterator[str]:
    """That another model found a tone then, by the names of the methods of tone then and now."""
    from listener.rulebook.subject import model_named

    was, is_ = model_named(lang, then), model_named(lang, now)
    if was != is_:
        yield f"its tone was found by {was or 'no model'} then, and is asked of {is_ or 'none'} now"


async def _forgotten(pool: Pool, found: Judged) -> list[str]:
    """That what was learned then spoke of its need, and nobody can ask it any more."""
    from listener.store import learned

    version = found.assessment.methods.get("learned", "")
    if not version or version in await learned.numbers(pool, [version]):
        return []
    return [
        f"of its need {version} spoke, which was learned and is forgotten: what it said stands, and cannot be said again"
    ]


def _head(found: Judged, rulebook: Rulebook, named: str) -> Iterator[str]:
    from listener.service.replaying import hearings_by

    m = found.mention
    said = m.network_at or found.at
    yield f"mention {found.mention_id} by @{m.author.handle or m.author.external_id} on {m.source}, {said:%Y-%m-%d %H:%M} UTC, for {found.brand}"
    ways = sorted({f"topic {one.topic}" if one.topic else one.via.value for one in hearings_by(found, rulebook)})
    tone = found.assessment.tone.label.value.replace("_", " ")
    yield f"heard by {', '.join(ways) or 'nobody'}; tone {tone}, language {found.assessment.lang or 'not sure'}"
    yield f"by {named}"


def _query_of(rulebook: Rulebook, why: Why, part: Part) -> str:
    """The text of the query that a part's tree is of."""
    node = part.tree.node if part.tree is not None else None
    for one in rulebook.exceptions_to(why.rule.id):
        if one.when is not None and one.when.tree is node:
            return one.when.text
    return why.rule.when.text


def _lines(rulebook: Rulebook, why: Why, text: str) -> Iterator[str]:
    from listener.cli.queries import lines_of, marked
    from listener.cli.terminal import coloured, table

    head = "would fire (experimental)" if why.fires and why.shadow else "fires" if why.fires else "does not fire"
    colour = "green" if why.fires else "red"
    yield ""
    yield f"{coloured(why.rule.id, 'bold')} {coloured(head, colour)}: {table([(why.rule.title,)])}"
    yield table([("yes" if part.true else "no", part.name, part.says) for part in why.parts], indent="  ")
    for part in why.parts:
        if part.tree is not None:
            query = _query_of(rulebook, why, part)
            yield table(lines_of(part.tree, text, query, 1, whole=False), indent="    ")
            if text:
                yield "\n".join(f"    {line}" for line in marked(text, part.tree.spans).split("\n"))


def _told(
    found: Judged, text: str, rulebook: Rulebook, named: str, doubts: list[str], whys: tuple[Why, ...]
) -> dict[str, Any]:
    from listener.cli.queries import part_told

    return {
        "mention": found.mention_id,
        "brand": found.brand,
        "said_at": found.mention.network_at or found.at,
        "judged_at": found.at,
        "rulebook": rulebook.hash,
        "by": named,
        "text": None if found.text_gone else text,
        "doubts": doubts,
        "context": found.context,
        "flagged_then": [flag.rule for flag in found.flags],
        "rules": [
            {
                "rule": why.rule.id,
                "title": why.rule.title,
                "fires": why.fires,
                "experimental": why.shadow,
                "parts": [
                    {"name": part.name, "true": part.true, "says": part.says}
                    | (
                        {}
                        if part.tree is None
                        else {"tree": part_told(part.tree, text, _query_of(rulebook, why, part))}
                    )
                    for part in why.parts
                ],
            }
            for why in whys
        ],
    }


def _near(rule: str, rulebook: Rulebook) -> str:
    import difflib

    close = difflib.get_close_matches(rule, [one.id for one in rulebook.rules], 1)
    return f"did you mean {close[0]}?" if close else "hubbub rules stats lists them"
