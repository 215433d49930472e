"""`hubbub rules test`: the examples of rules and exceptions, each with what came of it and, where it fails, why. Owns the printing only."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE
from listener.cli.rules.folder import add_folder, methods_asked, rulebook_asked
from listener.errors import FixMe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from listener.model.scales import ToneLabel
    from listener.rulebook.examples import Trials, Tried
    from listener.rulebook.seen import Seen
    from listener.rulebook.shape import Rule, Rulebook
    from listener.rulebook.tones import Sounded


def configure(parser: argparse.ArgumentParser) -> None:
    """Which rules."""
    parser.add_argument(
        "only", nargs="*", metavar="RULE", help="ids of rules; default: all, and the tests of tone and of signals"
    )
    parser.add_argument("--failed", action="store_true", help="show only what fails")
    add_folder(parser)
    parser.epilog = """\
examples:
  hubbub rules test
  hubbub rules test outage billing --rules ./rules
  hubbub rules test --failed --json | jq -r '.rules[].tests[] | select(.pass | not) | .text'

Every example is judged as a message of the network would be, with exceptions, unless, hours and counts. An example that does not say
when it is said (at:) is said now. An exception's examples count with each rule that it keeps silent.
Exit codes: 0 all pass, 1 some fail, 2 wrong usage or rules that cannot be read."""


@dataclass(frozen=True, slots=True)
class Tested:
    """One rule with its examples, and why those that fail do."""

    rule: Rule
    tried: tuple[Tried, ...]
    why: dict[int, list[str]]
    """By the place of an example in `tried`."""

    @property
    def good(self) -> bool:
        return all(one.good for one in self.tried)


def run(arguments: argparse.Namespace) -> int:
    """Tries them; prints each rule with what failed."""
    from listener.cli.terminal import counted, print_json
    from listener.rulebook.examples import Trials
    from listener.rulebook.seen import seen
    from listener.rulebook.tones import sounded

    rulebook, methods = rulebook_asked(arguments), methods_asked(arguments)
    rules = _chosen(rulebook, arguments.only)
    tested = list(_tested(rulebook, rules, Trials(rulebook, methods, datetime.now(UTC))))
    tones = () if arguments.only else sounded(rulebook, methods)
    signals = () if arguments.only else seen(rulebook, methods, datetime.now(UTC))
    good = [*(one.good for one in tested), *(one.good for one in tones), *(one.good for one in signals)]
    fine = all(good)
    shown = [one for one in tested if not (arguments.failed and one.good)]
    heard = [one for one in tones if not (arguments.failed and one.good)]
    looked = [one for one in signals if not (arguments.failed and one.good)]
    if arguments.json:
        told = {"rules": map(_plain, shown), "tones": map(_plain_tone, heard), "signals": map(_plain_signal, looked)}
        print_json({"fine": fine, **{name: list(some) for name, some in told.items()}})
        return FINE if fine else FINDINGS
    for one in shown:
        _tell(one)
    _tell_tones(heard)
    _tell_signals(looked)
    tries = [tried.good for one in tested for tried in one.tried]
    failed = tries.count(False) + good[len(tested) :].count(False)
    print(
        f"{counted(len(tested), 'rule')}, {counted(len(tries), 'example')}, {_tests_of_tone(len(tones))}"
        f"{f', {_tests_of_signals(len(signals))}' if signals else ''}: "
        f"{failed} {'fails' if failed == 1 else 'fail'}"
    )
    return FINE if fine else FINDINGS


def _chosen(rulebook: Rulebook, only: Sequence[str]) -> tuple[Rule, ...]:
    from listener.cli.terminal import USAGE_CODE
    from listener.query.fields import did_you_mean

    known = {rule.id: rule for rule in rulebook.rules}
    for id_ in only:
        if id_ not in known:
            raise FixMe(
                f"there is no rule {id_!r}",
                hint=did_you_mean(id_, known) or "hubbub rules test lists all",
                code=USAGE_CODE,
            )
    return tuple(known[id_] for id_ in dict.fromkeys(only)) if only else rulebook.rules


def _tested(rulebook: Rulebook, rules: Sequence[Rule], trials: Trials) -> Iterator[Tested]:
    for rule in rules:
        tried = [*trials.of_rule(rule)]
        for exception in rulebook.exceptions_to(rule.id):
            tried += trials.of_exception(exception, frozenset({rule.id}))
        why = {place: _why(rulebook, trials, one) for place, one in enumerate(tried) if not one.good}
        yield Tested(rule, tuple(tried), why)


def _why(rulebook: Rulebook, trials: Trials, tried: Tried) -> list[str]:
    from listener.cli.rules.reasons import because
    from listener.rulebook.explain import why

    scene = trials.scene(tried.rule, tried.example, tried.exception)
    found = why(rulebook, tried.rule, scene.subject, scene.heard, scene.context, scene.now)
    return because(found, scene.subject.text)


def _must(tried: Tried) -> str:
    if tried.must_fire:
        return "must fire, and stays silent"
    return "must stay silent, and fires" + (", in spite of an exception" if tried.exception else "")


def _tell(tested: Tested) -> None:
    from listener.cli.rules.reasons import wrapped
    from listener.cli.terminal import coloured
    from listener.rulebook.conflicts import shortened
    from listener.rulebook.shape import Status

    rule, failed = tested.rule, sum(not one.good for one in tested.tried)
    head = coloured("pass", "green") if tested.good else coloured("FAIL", "red")
    fires = sum(one.must_fire for one in tested.tried)
    silent = f"{len(tested.tried) - fires} silent"
    told = f"{failed} of {len(tested.tried)}" if failed else f"{fires} {'fires' if fires == 1 else 'fire'}, {silent}"
    if not tested.tried:
        head, told = coloured("none", "yellow"), "no examples"
    if rule.status is not Status.STABLE:
        told = "deprecated: not judged" if rule.status is Status.DEPRECATED else f"{told}, {rule.status.value}"
    print(f"{head}  {rule.id:<24} {told}")
    for place, one in enumerate(tested.tried):
        if not one.good:
            print(wrapped(f"{one.example.place}: {_must(one)}: “{shortened(one.example.text, 200)}”", "      "))
            for line in tested.why[place]:
                print(wrapped(line, "        "))


def _tell_tones(tones: Sequence[Sounded]) -> None:
    from itertools import groupby

    from listener.cli.rules.reasons import wrapped
    from listener.cli.terminal import coloured
    from listener.rulebook.conflicts import shortened

    for overlay, some in groupby(tones, key=lambda one: one.overlay):
        tests = list(some)
        failed = [one for one in tests if not one.good]
        head = coloured("FAIL", "red") if failed else coloured("pass", "green")
        told = f"{len(failed)} of " if failed else ""
        print(f"{head}  {overlay:<24} {told}{_tests_of_tone(len(tests))}")
        for one in failed:
            said = f"must sound {_tone(one.test.tone)}, and sounds {_tone(one.tone)}"
            print(wrapped(f"{one.test.place}: {said}: “{shortened(one.test.text, 200)}”", "      "))


def _tell_signals(signals: Sequence[Seen]) -> None:
    from itertools import groupby

    from listener.cli.rules.reasons import wrapped
    from listener.cli.terminal import coloured
    from listener.rulebook.conflicts import shortened

    for key, some in groupby(signals, key=lambda one: one.signal.key):
        tests = list(some)
        failed = [one for one in tests if not one.good]
        head = coloured("FAIL", "red") if failed else coloured("pass", "green")
        told = f"{len(failed)} of " if failed else ""
        print(f"{head}  {key:<24} {told}{_tests_of_signals(len(tests))}")
        for one in failed:
            said = "must be seen, and is not" if one.must else "must not be seen, and is"
            print(wrapped(f"{one.example.place}: {said}: “{shortened(one.example.text, 200)}”", "      "))


def _tests_of_signals(n: int) -> str:
    from listener.cli.terminal import counted

    return counted(n, "test of signals", "tests of signals")


def _tests_of_tone(n: int) -> str:
    from listener.cli.terminal import counted

    return counted(n, "test of tone", "tests of tone")


def _tone(label: ToneLabel) -> str:
    return label.value.replace("_", " ")


def _plain_tone(one: Sounded) -> dict[str, Any]:
    return {
        "overlay": one.overlay,
        "file": one.test.place.file,
        "line": one.test.place.line,
        "column": one.test.place.column,
        "text": one.test.text,
        "must_sound": one.test.tone.value,
        "sounds": one.tone.value,
        "pass": one.good,
    }


def _plain_signal(one: Seen) -> dict[str, Any]:
    return {
        "signal": one.signal.key,
        "file": one.example.place.file,
        "line": one.example.place.line,
        "column": one.example.place.column,
        "text": one.example.text,
        "must_be_seen": one.must,
        "seen": one.seen,
        "pass": one.good,
    }


def _plain(tested: Tested) -> dict[str, Any]:
    return {
        "rule": tested.rule.id,
        "title": tested.rule.title,
        "status": tested.rule.status.value,
        "pass": tested.good,
        "tests": [
            {
                "file": one.example.place.file,
                "line": one.example.place.line,
                "column": one.example.place.column,
                "text": one.example.text,
                "exception": str(one.exception.place) if one.exception else None,
                "must_fire": one.must_fire,
                "fired": one.fired,
                "pass": one.good,
                "spans": list(one.spans),
                "why": tested.why.get(place, []),
            }
            for place, one in enumerate(tested.tried)
        ],
    }
