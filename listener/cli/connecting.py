"""`hubbub connect`: a sign-in walked through, its secret kept by reference, and the account written into the settings.

Owns the questions at the terminal, the secret's file and the change of hubbub.toml: shown first, asked for, with a copy of what was there. What a
network asks and checks is its own (`sources/*/connect.py`). Refuses to show a secret, and to take one from the command line, where others see it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import difflib
import getpass
import re
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.errors import FixMe, NotReachable, Refused, TryAgain

if TYPE_CHECKING:
    from listener.networks import Network
    from listener.settings import AccountSettings, SecretRef, Settings
    from listener.sources.base import Connect, Connected
    from listener.webclient.client import WebClient


def configure_connect(parser: argparse.ArgumentParser) -> None:
    """The settings."""
    from listener.networks import NETWORKS, heard

    names = ", ".join(name for name in heard() if NETWORKS[name].secret)
    parser.add_argument("network", metavar="NETWORK", help=f"which one: {names}")
    parser.add_argument("--brand", metavar="KEY", help="whose account it is; asked where there are several")
    parser.add_argument(
        "--keyring", action="store_true", help="keep the secret in the desktop's keyring, not in a file"
    )
    parser.add_argument(
        "--print", dest="prints", action="store_true", help="print the lines for hubbub.toml instead of adding them"
    )
    parser.add_argument("--yes", action="store_true", help="add them without asking")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to add to")
    parser.epilog = """\
examples:
  hubbub connect mastodon
  hubbub connect telegram --print              sign in, and leave hubbub.toml to you
  hubbub connect telegram --yes < answers.txt  one answer a line, in the order of the questions; an empty line is the default

First it says what the network charges or forbids. Secrets are not shown while they are typed; each is kept in a file that only you can
read (under the state folder, `hubbub doctor` names it) or, with --keyring, in the desktop's keyring, and hubbub.toml only says where.
hubbub.toml is added to, the rest of it stays to the letter, and a copy of what it was lies beside it. An account that is there already
gets its new secret and nothing else."""


def run_connect(arguments: argparse.Namespace) -> int:
    """Walks through it."""
    from listener.cli.terminal import run_async

    return run_async(_connect(arguments))


@dataclass
class Terminal:
    """`Asking` at a terminal, or with the lines of stdin as answers."""

    web: WebClient
    options: Mapping[str, Any]
    _is_terminal: bool = field(default_factory=lambda: sys.stdin.isatty())

    async def ask(self, question: str, *, secret: bool = False, default: str = "") -> str:
        """The answer. Refused: stdin ended before."""
        from listener.harmless import harmless

        shown = f"{harmless(question)}{f' [{harmless(default)}]' if default and not secret else ''}: "
        if not self._is_terminal:
            line = sys.stdin.readline()
            if not line and not default:
                raise Refused(
                    f"there is no answer to: {harmless(question)}", where="stdin", code="no_answer",
                    hint="give one answer a line, in the order of the questions",
                )  # fmt: skip
            return line.rstrip("\r\n") or default
        await asyncio.sleep(0)  # who said stop meanwhile is not asked
        return _typed(shown, secret=secret) or default

    def say(self, text: str) -> None:
        """For the person to read, beside the results."""
        from listener.harmless import harmless

        print(harmless(text, lines=True), file=sys.stderr, flush=True)


def _typed(shown: str, *, secret: bool) -> str:
    """What a person types; nothing else goes on meanwhile. Refused: they end the input."""
    with _interruptible():
        try:
            return getpass.getpass(shown) if secret else input(shown)
        except EOFError:
            raise Refused(
                "nothing was answered, and nothing was changed", code="no_answer", hint="start again"
            ) from None


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends a question at once, though a loop runs."""
    try:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _connect(arguments: argparse.Namespace) -> int:
    from listener import settings as reading
    from listener.cli.terminal import counted, print_json
    from listener.service import processes
    from listener.service.run import version
    from listener.settings.adding import block
    from listener.sources.registry import CONNECTS
    from listener.webclient.client import WebClient

    network = _network(arguments.network)
    settings = reading.load(arguments.config)
    web = WebClient(version())
    try:
        asking = Terminal(web, settings.sources[network.name].options())
        asking.say(f"{network.title}: {network.tells}" if network.tells else network.title)
        brand = await _brand(arguments.brand, settings, asking)
        made = await _signed_in(CONNECTS[network.name], asking)
        _fits(made, network)
        asking.say(f"Signed in as {made.handle or made.who.external_id}.")
        for line in made.told:
            asking.say(f"  {line}")
        lacks = sum(line.startswith("missing") for line in made.told)
        if lacks:
            asking.say(
                f"{counted(lacks, 'permission is', 'permissions are')} missing: what needs them will not work until the network gives them."
            )
        known = _known(settings, network.name, made)
        ref = _keep(made.secret, network, made, settings, known, keyring=arguments.keyring)
        if known is not None:
            return _again(arguments, known, ref, network)
        values = {
            "brand": brand if len(settings.brands) > 1 or settings.brands[0].key != "main" else "",
            "source": network.name,
            "handle": made.handle or made.who.external_id,
            "service": made.service,
            f"{network.secret}_{ref[0]}": ref[1],
            **{name: tuple(value) if isinstance(value, list) else value for name, value in made.options.items()},
        }
        added = block(values)
        if arguments.prints:
            if arguments.json:
                print_json({"handle": made.handle, "told": made.told, "block": added, "file": None})
            else:
                print(added, end="")
            return 0
        file = (settings.file or settings.paths.config).resolve()
        asking.say(f"\nThis is added to {file}:\n\n{added}")
        if not arguments.yes:
            answer = await asking.ask("Add it? (y/n)", default="n" if lacks or not sys.stdin.isatty() else "y")
            if not answer.strip().lower().startswith("y"):
                raise Refused(
                    "hubbub.toml stays as it is; the secret is kept", where=str(file), code="not_wanted",
                    hint=f"--yes adds it, --print prints it; the secret is in {ref[0]} {ref[1]}",
                )  # fmt: skip
        copy = add(file, added, settings, network.name, str(values["handle"]))
        runs = bool(processes.find_all(settings.paths))
        todo = (
            "hubbub down, then hubbub up: the listener reads its settings when it starts"
            if runs
            else "hubbub doctor checks it, hubbub up listens"
        )
        if arguments.json:
            print_json(
                {"handle": made.handle, "told": made.told, "block": added, "file": str(file), "copy": str(copy or "")}
            )
        else:
            print(f"added{f' (what it was: {copy})' if copy else ''}. Next: {todo}")
        return 0
    finally:
        await web.close()


async def _signed_in(connect: Connect, asking: Terminal) -> Connected:
    try:
        return await connect(asking)
    except TryAgain as err:
        hint = err.hint or "is there a network, and is the address right? nothing was changed: start again"
        raise NotReachable(err.what, where=err.where, hint=hint, code=err.code) from None


def _network(name: str) -> Network:
    """FixMe: there is none such, it takes no account, or nobody can sign in there yet; each with what to do."""
    from listener.cli import wrong_usage
    from listener.networks import NETWORKS
    from listener.sources.registry import CONNECTS

    key = name.strip().lower()
    network = NETWORKS.get(key) or next((one for one in NETWORKS.values() if one.title.lower() == key), None)
    if network is None:
        close = difflib.get_close_matches(key, NETWORKS, 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(CONNECTS)}"
        raise wrong_usage(f"there is no network {name!r}", hint)
    if network.name in CONNECTS:
        return network
    if network.secret:
        lines = f'[[account]] source = "{network.name}", handle = "...", {network.secret}_file = "..."'
        raise FixMe(
            f"nobody walks through the sign-in of {network.title} yet",
            hint=f"write it into hubbub.toml by hand: {lines}; docs/settings.md says more",
        )
    raise FixMe(
        f"{network.title} takes no account here{f': {network.why}' if network.why else ''}",
        hint=f"hubbub sources capabilities {network.name} says how far Hubbub goes",
    )


async def _brand(given: str | None, settings: Settings, asking: Terminal) -> str:
    keys = [brand.key for brand in settings.brands]
    wanted = given or (
        keys[0] if len(keys) == 1 else await asking.ask(f"Whose account? ({', '.join(keys)})", default=keys[0])
    )
    if wanted not in keys:
        from listener.cli import wrong_usage

        raise wrong_usage(f"there is no brand {wanted!r}", f"there are: {', '.join(keys)}")
    return wanted


def _fits(made: Connected, network: Network) -> None:
    """FixMe where a sign-in gives back what cannot stand in the settings: a mistake of ours, told before anything is kept."""
    declared = {one.name for one in network.account}
    if strange := sorted(set(made.options) - declared):
        raise FixMe(
            f"the sign-in of {network.title} gave what no setting takes: {', '.join(strange)}",
            hint="report it: it is a mistake in Hubbub",
        )
    if not made.secret:
        raise Refused(f"there is no {network.secret}", hint="start again and give one", code="no_secret")


def _known(settings: Settings, source: str, made: Connected) -> AccountSettings | None:
    names = {name.lower() for name in (made.handle, made.who.external_id) if name}
    same = [one for one in settings.accounts if one.source == source and one.handle.lower() in names]
    return next(
        (one for one in same if one.service.rstrip("/") in ("", made.service.rstrip("/")) or not made.service), None
    )


# The secret ----------------------------------------------------------------------------------------------------------


def _keep(
    secret: str, network: Network, made: Connected, settings: Settings, known: AccountSettings | None, *, keyring: bool
) -> tuple[str, str]:
    """Where the secret is from now on: what kind of place, and its name. An account that is known keeps its place where we may write there."""
    from listener.settings.keeping import into_file, into_keyring

    name = re.sub(r"[^a-z0-9._-]+", "-", (made.handle or made.who.external_id).lower()).strip("-.")[:80] or "account"
    ref: SecretRef | None = None if known is None else known.secret
    if keyring or (ref is not None and ref.kind == "keyring"):
        told = ref.name if ref is not None and ref.kind == "keyring" else f"hubbub/{network.name}-{name}"
        into_keyring(told, secret)
        return "keyring", told
    own = settings.paths.state / "secrets"
    file = Path(ref.name) if ref is not None and ref.kind == "file" else own / f"{network.name}-{name}"
    into_file(file, secret)
    return "file", str(file)


# hubbub.toml ---------------------------------------------------------------------------------------------------------


def add(file: Path, added: str, settings: Settings, source: str, handle: str) -> Path | None:
    """Adds the lines; the copy of what the file was, None where there was none. FixMe, with nothing changed: it cannot be written, was changed
    meanwhile so that it does not fit, or the account would not be read.
    """
    from listener.settings import parse
    from listener.settings.adding import with_block
    from listener.settings.keeping import replace_file

    try:
        before = file.read_bytes() if file.exists() else b""
        text = with_block(before.decode("utf-8"), added)
        read = parse(text, file, settings.paths)  # raises, with the place, what would be wrong then
        if not any(one.source == source and one.handle == handle for one in read.accounts):
            raise FixMe(
                "the account would not be read from there", where=str(file), hint="add the lines by hand: --print"
            )
        copy = None
        if before:
            copy = file.with_name(f"{file.name}.{datetime.now(UTC):%Y%m%d-%H%M%S}.bak")
            shutil.copy2(file, copy)
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, text.encode("utf-8"), file if before else None)
    except OSError as err:
        raise FixMe(
            f"hubbub.toml cannot be written: {err.strerror}", where=str(file),
            hint="check the permissions, or --print and add the lines yourself; the secret is kept",
        ) from None  # fmt: skip
    return copy


def _again(arguments: argparse.Namespace, known: AccountSettings, ref: tuple[str, str], network: Network) -> int:
    """The account was there: its secret is new, and where the settings look elsewhere for it, that is said."""
    from listener.cli.terminal import print_json

    stands = known.secret is not None and (known.secret.kind, known.secret.name) == ref
    todo = (
        "hubbub down, then hubbub up (or hubbub sources resume), and it goes on"
        if stands
        else (f'at {known.place} say {network.secret}_{ref[0]} = "{ref[1]}" instead of what stands there')
    )
    if arguments.json:
        print_json({"handle": known.handle, "known": True, "kept": list(ref), "next": todo})
    else:
        print(f"{known.handle} is in the settings already: its new {network.secret} is kept. Next: {todo}")
    return 0
