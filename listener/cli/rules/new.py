"""`hubbub rules new`: a beginning for a rule, a topic, an exception or whatever else rule files hold. Owns the printing only."""

from __future__ import annotations

import argparse
import re

from listener.cli import FINE
from listener.cli.rules.folder import add_folder, rulebook_asked
from listener.errors import FixMe


def configure(parser: argparse.ArgumentParser) -> None:
    """What sort of thing, and its name."""
    parser.add_argument("sort", nargs="?", default="rule", metavar="SORT", help="rule (default), topic, exception, ...")
    parser.add_argument("--id", metavar="NAME", help="its name: small letters, digits and hyphens")
    add_folder(parser)
    parser.epilog = """\
examples:
  hubbub rules new --id refunds > rules/refunds.yaml
  hubbub rules new exception
  hubbub rules new topic --id larkspur-app

It is printed, not written into a file, and passes hubbub rules check as it is. Optional keys are comments: take the # away to use one."""


def run(arguments: argparse.Namespace) -> int:
    """Prints it."""
    from listener.cli.terminal import USAGE_CODE, print_json
    from listener.query.fields import did_you_mean
    from listener.rulebook.reading import SECTIONS
    from listener.rulebook.templates import SORTS, section_of, template

    section = section_of(arguments.sort)
    if section is None:
        hint = did_you_mean(arguments.sort, SORTS) or f"one of: {', '.join(SORTS)}"
        raise FixMe(f"rule files hold nothing called {arguments.sort!r}", hint=hint, code=USAGE_CODE)
    one = next(one for one, name in SORTS.items() if name == section)
    name = arguments.id or f"my-{one.rpartition('-')[2]}"
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name):
        hint = "small letters, digits and hyphens only, at most 63"
        raise FixMe(f"{name!r} cannot be a name", hint=hint, code=USAGE_CODE)
    rulebook = rulebook_asked(arguments)
    if SECTIONS[section].once and rulebook.style is not None:
        place = str(rulebook.style.place)
        raise FixMe(f"the rules have {section} already", where=place, hint="change it there", code=USAGE_CODE)
    known = {
        "rule": [rule.id for rule in rulebook.rules],
        "team": [team.key for team in rulebook.teams],
        "hours": [hours.key for hours in rulebook.hours],
        "person": [person.id for person in rulebook.people],
        "route": [route.key for route in rulebook.routes],
        "chain": [chain.key for chain in rulebook.chains],
        "alert": [alert.key for alert in rulebook.alerts],
        "topic": [topic.key for topic in rulebook.topics],
        "macro": [macro.key for macro in rulebook.macros],
        "reply": [reply.key for reply in rulebook.replies],
    }
    if name in known.get(one.rpartition("-")[2], ()):
        raise FixMe(f"the rules have a {one} {name!r} already", hint="give it another name: --id", code=USAGE_CODE)
    text = template(section, name, {sort: names[0] for sort, names in known.items() if names})
    if arguments.json:
        print_json({"section": section, "id": name, "text": text})
    else:
        print(text, end="")
    return FINE
