"""The command line: one entry point, `hubbub`. Owns the list of commands, their help and the exit codes.

A command's module is only imported when that command is used, so that help is quick. Refuses tracebacks: an error is one
readable block (what, where, what to do); HUBBUB_DEBUG=1 shows the whole story. Exit codes: 0 fine, 1 findings, 2 usage,
3 not reachable.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from listener.errors import FixMe

FINE, FINDINGS, USAGE, NOT_REACHABLE = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its module has `configure_NAME(parser)` and `run_NAME(arguments) -> exit code`."""

    name: str
    group: str
    module: str
    help: str


COMMANDS = (
    Command("demo", "To begin", "demo", "play a scripted day of a brand, offline, in a database of its own"),
    Command("up", "To begin", "running", "start the listener in the background, then the inbox"),
    Command("connect", "To begin", "connecting", "sign in to a network, and write the account into the settings"),
    Command("inbox", "To begin", "running", "the inbox alone, on a listener that runs elsewhere"),
    Command("down", "To run it", "running", "stop the listener in the background"),
    Command("serve", "To run it", "running", "the listener in the foreground, for a supervisor"),
    Command("status", "To run it", "health", "what is heard, stored, waiting and delivered right now"),
    Command("doctor", "To run it", "health", "check everything, and say what to do about what is wrong"),
    Command("sources", "To run it", "sources", "every network: how far it goes, and how each source is doing"),
    Command("search", "To work from a shell", "searching", "mentions that match a query, newest first"),
    Command(
        "query", "To work from a shell", "queries", "check, format, explain, convert queries, or match them with a file"
    ),
    Command("list", "To work from a shell", "looking", "the queue: what is due first"),
    Command("show", "To work from a shell", "looking", "one conversation: thread, author, why it was flagged"),
    Command("reply", "To work from a shell", "looking", "answer a conversation, through the outbox"),
    Command(
        "keys", "To work from a shell", "keyboard", "the keys of the inbox, and what is wrong with a file of your own"
    ),
    Command(
        "alerts",
        "To work from a shell",
        "alerts",
        "what alerts would page: over what was counted, in tests, over a file",
    ),
    Command(
        "incidents",
        "To work from a shell",
        "incidents",
        "alerts that stand: who was told; acknowledge, resolve, silence",
    ),
    Command("import", "To keep it", "importing", "take in history from JSONL or CSV; harmless when run twice"),
    Command("backup", "To keep it", "keeping", "write the whole database into one file"),
    Command("restore", "To keep it", "keeping", "read a backup into an empty database"),
    Command("rules", "To keep it", "rules", "check, test and try rule files: every mistake with file, line and column"),
    Command(
        "judge",
        "To keep it",
        "judging",
        "tone and need of every row of a file; what was learned from the team, and how it fares",
    ),
    Command("version", "To keep it", "about", "the version of this program and of what it rests on"),
)
_BY_NAME = {command.name: command for command in COMMANDS}

EXAMPLES = """\
examples:
  hubbub demo                                   see it work, no key and no network needed
  hubbub up --track "larkspur, larkspur app"    listen to public Bluesky for these words, no key needed
  hubbub connect mastodon                       sign in to a network; it says first what that costs
  hubbub up                                     with the accounts of ./hubbub.toml
  hubbub search 'refund OR "money back"'        search from a shell
  hubbub query check 'refund NEAR/5 app'        what is wrong with a query, and where
  hubbub doctor                                 what is wrong, and what to do about it

Settings are read from --config, $HUBBUB_CONFIG, ./hubbub.toml, or the user's own; everything lives under $HUBBUB_HOME
where that is set. Every command has --help with examples and --json for programs.
Exit codes: 0 fine, 1 findings, 2 usage, 3 not reachable.
"""


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Help with its line ends kept, and a wide first column."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=110)


class Parser(argparse.ArgumentParser):
    """A parser whose QUERY, where it has one, may be several words that begin with a minus: `-refund app`.

    What begins with one minus and is no option belongs to the query, and so does all behind a --; unknown --options stay mistakes.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{"formatter_class": Formatter, "allow_abbrev": False, **named})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does it, with the query's words behind a --."""
        given = list(sys.argv[1:] if args is None else args)
        asks = any(action.dest == "query" for action in self._actions)
        return super().parse_known_args(self._arranged(given) if asks else given, namespace)

    def _arranged(self, given: list[str]) -> list[str]:
        known = self._option_string_actions
        options: list[str] = []
        words: list[str] = []
        waiting = iter(given)
        for one in waiting:
            if one == "--":
                words.extend(waiting)
            elif one in known and known[one].nargs is None:
                value = next(waiting, None)
                options.append(one if value is None else f"{one}={value}")
            elif one in known or one.partition("=")[0] in known:
                options.append(one)
            elif one.startswith("--"):
                close = difflib.get_close_matches(one, known, 1)
                meant = f"did you mean {close[0]}?" if close else "what belongs to the query stands behind a --"
                self.error(f"there is no option {one}; {meant}")
            else:
                words.append(one)
        return [*options, "--", *words] if words else options


def overview() -> str:
    """What `hubbub --help` prints."""
    lines = [
        "usage: hubbub COMMAND [...]",
        "",
        "Hear what people say about a brand, judge what needs an answer, and answer it.",
        "",
    ]
    group = ""
    for command in COMMANDS:
        if command.group != group:
            group = command.group
            lines += ["", f"{group}:"] if lines[-1] else [f"{group}:"]
        lines.append(f"  {command.name:<9} {command.help}")
    return "\n".join([*lines, "", EXAMPLES])


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. Prints errors; never raises them."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        if len(arguments) > 1 and arguments[0] == "help" and arguments[1] in _BY_NAME:
            return main([arguments[1], "--help"])
        print(overview(), end="")
        return FINE if arguments else USAGE
    if arguments[0] in ("-V", "--version"):
        arguments[0] = "version"
    command = _BY_NAME.get(arguments[0])
    if command is None:
        close = difflib.get_close_matches(arguments[0], _BY_NAME, 1)
        hint = f"did you mean {close[0]!r}?" if close else "hubbub --help lists them"
        print(f"hubbub: there is no command {arguments[0]!r}\n  {hint}", file=sys.stderr)
        return USAGE
    return _run(command, arguments[1:])


def _run(command: Command, arguments: list[str]) -> int:
    module: ModuleType = importlib.import_module(f"listener.cli.{command.module}")
    parser = Parser(prog=f"hubbub {command.name}", description=_sentence(command.help))
    configure: Callable[[argparse.ArgumentParser], None] = getattr(module, f"configure_{command.name}")
    configure(parser)
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    try:
        parsed = parser.parse_args(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    return guarded(lambda: getattr(module, f"run_{command.name}")(parsed), as_json=parsed.json)


def guarded(act: Callable[[], Any], *, as_json: bool = False) -> int:
    """The exit code of an act, with whatever it raises told in a person's words on stderr (and as JSON on stdout, when asked)."""
    try:
        return int(act() or 0)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except Exception as err:
        if os.environ.get("HUBBUB_DEBUG"):
            raise
        from listener.cli.terminal import tell_error

        return tell_error(err, as_json=as_json)


def wrong_usage(what: str, hint: str, where: str = "") -> FixMe:
    """An error about how a command was called: exit code 2."""
    from listener.cli.terminal import USAGE_CODE

    return FixMe(what, where=where, hint=hint, code=USAGE_CODE)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
