"""`hubbub rules drafts`: what people marked, as changes to the rule files for a team lead to accept. Owns the patch; refuses to apply it.

What the folder's rules do already is not drafted again. What no rule there is should have caught is only listed: nobody can draft a rule
from one message. Every draft is tried before it is printed: a file that could not be read any more,
or an exception that does not keep its rule silent, is left out and told.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE
from listener.cli.looking import add_brand
from listener.cli.rules.folder import BadRules, add_folder, as_tracked, folder_asked, methods_asked

if TYPE_CHECKING:
    from listener.query.subject import Subject
    from listener.rulebook.drafting import Draft, Marked
    from listener.rulebook.shape import Rule, Rulebook
    from listener.rulebook.subject import Heard, Methods
    from listener.rulefiles import Prepare
    from listener.store.connect import Pool
    from listener.store.judged import Judged
    from listener.store.marks import Drafting, Mark

MARKS = 2_000
"""Marks that are looked at, the latest."""
RIGHT = 200
"""Right hits of a rule that an exception must leave alone."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Where the drafts go."""
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--patch", action="store_true", help="print a patch that git apply takes")
    way.add_argument("--out", type=Path, metavar="DIR", help="write the changed rule files below this folder")
    add_folder(parser)
    add_brand(parser)
    parser.epilog = """\
examples:
  hubbub rules drafts                                  what would be drafted
  hubbub rules drafts --patch > marks.patch            then: git apply marks.patch, hubbub rules check
  hubbub rules drafts --out /tmp/drafted

A false alarm becomes an exception, as narrow as a phrase of its text that no right hit of the rule holds; what was missed becomes an
example under `fires:`, which fails until the rule is widened. What wants a new rule is listed until one fires on it. E-mail addresses
and telephone numbers are masked. Nothing is changed by itself.
Exit codes: 0 there are drafts, 1 there is nothing to draft, 2 wrong usage or rule files with mistakes, 3 the database is not reachable."""


def run(arguments: argparse.Namespace) -> int:
    """Drafts."""
    from listener.cli.terminal import run_async

    return run_async(_drafts(arguments))


async def _drafts(arguments: argparse.Namespace) -> int:
    from listener.cli.looking import opened_brand
    from listener.cli.rules.revision import git
    from listener.cli.terminal import counted, print_json, say
    from listener.rulebook.drafting import changed, drafts_for
    from listener.store.marks import wrong

    folder = folder_asked(arguments)
    files = _files(folder)
    async with opened_brand(arguments, reading=True) as (_, house, brand_id):
        prepare = await as_tracked(house.pool)
        rulebook = _parsed(files, folder, prepare)
        methods = methods_asked(arguments).with_lexicon(rulebook.lexicon)
        said = [one for one in await wrong(house.pool, MARKS) if not arguments.brand or one.mark.brand_id == brand_id]
        marks = await _wanted(house.pool, said, rulebook, methods)
        uncaught = await _uncaught(house.pool, said, rulebook, methods)
        rules = {one.rule for _, one in marks if not one.missed}
        right = {rule: await _right(house.pool, marks, rule, rulebook) for rule in sorted(rules)}
    known = {rule.id: rule for rule in rulebook.rules}
    drafts, refused = list(drafts_for([one for _, one in marks], right)), []
    while True:  # a draft that does not do what it is for is left out, and the rest is made anew
        texts, left = changed(files, known, drafts)
        bad = _bad(files, texts, drafts, marks, known, methods, folder, prepare)
        if not bad:
            break
        refused += bad
        drafts = [one for one in drafts if one not in bad]
    drafts, refused = [one for one in drafts if one not in left], refused + left
    prefix = (await git(folder, "rev-parse", "--show-prefix") or "").strip()
    patch = patch_of(files, texts, prefix)
    if arguments.json:
        print_json(_told(drafts, refused, uncaught, patch))
    elif arguments.patch:
        sys.stdout.write(patch)
    elif arguments.out is not None:
        _write(arguments.out, texts)
        say(f"{counted(len(drafts), 'draft')} in {counted(len(texts), 'file')} below {arguments.out}")
    else:
        _print(drafts)
        _print_uncaught(uncaught)
    if not arguments.json:
        for draft in refused:
            say(f"no draft for {draft.rule}: {_about(draft)}")
        if not drafts:
            say("there is nothing to draft")
    return FINE if drafts else FINDINGS


def _files(folder: Path) -> dict[str, str]:
    """The rule files with their own line ends, so that a patch fits them."""
    from listener import rulefiles

    found = rulefiles.read(folder)
    if isinstance(found, list):
        raise BadRules(found, folder)
    return {name: (folder / name).read_bytes().decode() for name in found}


def _parsed(files: Mapping[str, str], folder: Path, prepare: Prepare) -> Rulebook:
    from listener import rulefiles
    from listener.rulebook.parse import parse
    from listener.rulebook.shape import Rulebook

    texts = {name: text.removeprefix("\ufeff").replace("\r\n", "\n") for name, text in files.items()}
    loaded = parse(rulefiles.with_need(prepare(texts)))
    if not isinstance(loaded, Rulebook):
        raise BadRules(loaded, folder)
    return loaded


async def _wanted(
    pool: Pool, said: Sequence[Drafting], rulebook: Rulebook, methods: Methods
) -> list[tuple[Judged, Marked]]:
    """The marks that these rules do not do justice to yet, each message and rule once."""
    from listener.rulebook.drafting import Marked
    from listener.rulebook.shape import Status
    from listener.store.judged import judged
    from listener.store.marks import Verdict

    wanted: dict[tuple[int, int, str], tuple[Judged, Marked]] = {}
    for one in said:
        mark: Mark = one.mark
        key = (mark.mention_id, mark.brand_id, mark.rule)
        if key in wanted:
            continue
        found = await judged(pool, mark.mention_id, one.brand, mark.version)
        rule = rulebook.rule(mark.rule)
        if found is None or found.text_gone or rule is None or rule.status is Status.DEPRECATED:
            continue
        missed = mark.verdict is Verdict.MISSED
        fires, spans = _fires(rulebook, mark.rule, found, methods)
        if fires is not missed:
            m = found.mention
            wanted[key] = found, Marked(
                rule=mark.rule, missed=missed, text=one.text, author=one.author, source=one.source, kind=one.kind,
                langs=one.langs, addressed=one.addressed, ours=one.ours, links=len(m.links), media=m.media, spans=spans,
                note=mark.note, by=mark.login, on=mark.at.date(),
            )  # fmt: skip
    return list(wanted.values())


async def _uncaught(pool: Pool, said: Sequence[Drafting], rulebook: Rulebook, methods: Methods) -> list[Drafting]:
    """The messages that want a new rule, each once: those on which no rule of these fires that did not flag them then."""
    from listener.rulebook.combine import findings
    from listener.store.judged import judged
    from listener.store.marks import NEW_RULE

    uncaught: dict[tuple[int, int], Drafting] = {}
    for one in said:
        mark = one.mark
        if mark.rule != NEW_RULE or (mark.mention_id, mark.brand_id) in uncaught:
            continue
        found = await judged(pool, mark.mention_id, one.brand, mark.version)
        if found is None or found.text_gone:
            continue
        subject, heard = _asked(rulebook, found, methods)
        fire = {each.rule.id for each in findings(rulebook, subject, heard, found.context, found.at)}
        if fire <= {flag.rule for flag in found.flags}:
            uncaught[mark.mention_id, mark.brand_id] = one
    return list(uncaught.values())


def _asked(rulebook: Rulebook, found: Judged, methods: Methods) -> tuple[Subject, Heard]:
    """A stored message as these rules ask it."""
    from listener.rulebook.subject import heard_by, judged
    from listener.service.replaying import hearings_by

    heard = heard_by(hearings_by(found, rulebook), found.brand, rulebook)
    return judged(found.mention, heard, methods, found.context, rulebook.signals)[0], heard


def _fires(rulebook: Rulebook, rule: str, found: Judged, methods: Methods) -> tuple[bool, tuple[int, ...]]:
    """Whether a rule fires on a stored message, and where in its text."""
    from listener.rulebook.explain import why

    asked = rulebook.rule(rule)
    if asked is None:
        return False, ()
    subject, heard = _asked(rulebook, found, methods)
    fires = why(rulebook, asked, subject, heard, found.context, found.at).fires
    return fires, asked.when.spans(subject, found.at) if fires else ()


async def _right(pool: Pool, marks: Sequence[tuple[Judged, Marked]], rule: str, rulebook: Rulebook) -> list[Marked]:
    """Messages on which a rule must go on firing: its own examples, and its newest hits that nobody calls a false alarm."""
    from listener.query.fields import Use
    from listener.query.parse import parse
    from listener.rulebook.drafting import Marked
    from listener.store import inbox

    asked = rulebook.rule(rule)
    assert asked is not None  # noqa: S101 - marks of unknown rules are passed over
    right = [Marked(rule, False, one.text, one.author) for one in asked.fires]
    tree = parse(f"rule:{rule}", Use.VIEW).tree
    if tree is None:
        return right
    alarms = {found.mention_id for found, one in marks if one.rule == rule}
    for brand_id in sorted({found.brand_id for found, one in marks if one.rule == rule}):
        part = await inbox.search(pool, brand_id, tree, now=datetime.now(UTC), limit=RIGHT)
        right += [
            Marked(rule, False, row.text, row.author_handle)
            for row in part.rows
            if row.text is not None and row.id not in alarms
        ]
    return right


def _bad(
    files: Mapping[str, str],
    texts: Mapping[str, str],
    drafts: Sequence[Draft],
    marks: Sequence[tuple[Judged, Marked]],
    known: Mapping[str, Rule],
    methods: Methods,
    folder: Path,
    prepare: Prepare,
) -> list[Draft]:
    """The drafts that do not keep their rule silent on what was marked, or leave files that cannot be read: an example may be too long."""
    from listener.rulebook.drafting import changed

    try:
        rulebook = _parsed({**files, **texts}, folder, prepare)
    except BadRules:
        return [
            one for one in drafts if not _readable(files, changed(files, known, [one])[0], folder, prepare)
        ] or list(drafts)
    by_mark = {one: found for found, one in marks}
    return [
        draft
        for draft in drafts
        if not draft.missed and any(_fires(rulebook, draft.rule, by_mark[one], methods)[0] for one in draft.marks)
    ]


def _readable(files: Mapping[str, str], texts: Mapping[str, str], folder: Path, prepare: Prepare) -> bool:
    try:
        _parsed({**files, **texts}, folder, prepare)
    except BadRules:
        return False
    return True


def patch_of(files: Mapping[str, str], texts: Mapping[str, str], prefix: str) -> str:
    """A patch as git writes it, from the top of its working tree; `prefix` is where in it the rules are, with a slash at the end."""
    lines: list[str] = []
    for name in sorted(texts):
        path = f"{prefix}{name}"
        before = files.get(name)
        old = f"a/{path}" if before is not None else "/dev/null"
        if before is None:
            lines += [f"diff --git a/{path} b/{path}\n", "new file mode 100644\n"]
        made = difflib.unified_diff(_lines(before or ""), _lines(texts[name]), old, f"b/{path}")
        for line in made:
            lines += [line] if line.endswith("\n") else [f"{line}\n", "\\ No newline at end of file\n"]
    return "".join(lines)


def _lines(text: str) -> list[str]:
    """Lines as git counts them: a form feed ends none."""
    parts = text.split("\n")
    return [*(f"{part}\n" for part in parts[:-1]), *([parts[-1]] if parts[-1] else [])]


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def _about(draft: Draft) -> str:
    return f"{'missed' if draft.missed else 'false alarm'}: {_begin(draft.marks[0].text)}"


def _begin(text: str) -> str:
    from listener.private import masked

    return " ".join(masked(text).split())[:80]


def _print(drafts: Sequence[Draft]) -> None:
    from listener.cli.terminal import table

    rows = [
        (
            draft.rule,
            "an example to fire on" if draft.missed else "an exception",
            draft.query or ", ".join(f"@{one}" for one in draft.authors),
            _begin(draft.marks[0].text),
        )
        for draft in drafts
    ]
    if rows:
        print(table([("RULE", "DRAFT", "WHERE", "MARKED"), *rows]))
        print("\n--patch prints them for git apply, --out DIR writes the files")


def _print_uncaught(uncaught: Sequence[Drafting]) -> None:
    from listener.cli.terminal import table

    if uncaught:
        rows = [
            (str(one.mark.mention_id), " ".join(one.mark.note.split()) or "-", _begin(one.text)) for one in uncaught
        ]
        print("\nno rule there is should have caught these; hubbub rules new begins one")
        print(table([("MENTION", "NOTE", "TEXT"), *rows]))


def _told(
    drafts: Sequence[Draft], refused: Sequence[Draft], uncaught: Sequence[Drafting], patch: str
) -> dict[str, Any]:
    from listener.private import masked

    def one(draft: Draft) -> dict[str, Any]:
        return {
            "rule": draft.rule,
            "verdict": "missed" if draft.missed else "false alarm",
            "when": draft.query,
            "authors": draft.authors,
            "texts": [masked(mark.text) for mark in draft.marks],
        }

    return {
        "drafts": [one(draft) for draft in drafts],
        "left_out": [one(draft) for draft in refused],
        "uncaught": [
            {
                "mention": each.mark.mention_id,
                "brand": each.brand,
                "text": masked(each.text),
                "note": each.mark.note,
                "by": each.mark.login,
            }
            for each in uncaught
        ],
        "patch": patch,
    }
