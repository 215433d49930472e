"""`hubbub alerts page-test`: a message that is only a test, to one receiver, by the code that sends real ones. Owns what is told of the answer."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE, NOT_REACHABLE, Parser, wrong_usage
from listener.errors import FixMe, Refused, TryAgain, Uncertain

if TYPE_CHECKING:
    from listener.settings import ReceiverSettings, Settings

_EXAMPLES = """\
examples:
  hubbub alerts page-test team-chat
  hubbub alerts page-test pager --json

Sends a message that says that it is a test, and tells what the receiver answered. It leaves at once, and no database is needed.
Exit codes: 0 taken, 1 refused or no clear answer, 2 there is no such receiver, 3 not reached."""


def configure_page_test(actions: Any) -> None:
    """Its arguments."""
    about = "send a test to a receiver, and say what it answered"
    parser: Parser = actions.add_parser(
        "page-test", help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=_EXAMPLES
    )
    parser.add_argument("receiver", metavar="RECEIVER", help="its name in the settings")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to use")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")


def run_page_test(arguments: argparse.Namespace) -> int:
    """Sends it. Exit code 0 when it was taken."""
    from listener import settings as reading
    from listener.cli.terminal import print_json, run_async

    settings = reading.load(arguments.config)
    one = next((one for one in settings.receivers if one.name == arguments.receiver), None)
    if one is None:
        names = ", ".join(one.name for one in settings.receivers)
        hint = f"there are: {names}" if names else "name one in the settings: [[receiver]], docs/settings.md"
        raise wrong_usage(f"there is no receiver {arguments.receiver!r}", hint)

    async def tell() -> int:
        told, code = await _tell(settings, one)
        if arguments.json:
            print_json(told)
        else:
            print(f"{one.name}: {told['state']}: {told['said']}")
        return code

    return run_async(tell())


async def _tell(settings: Settings, one: ReceiverSettings) -> tuple[dict[str, Any], int]:
    import time
    import uuid
    from datetime import UTC, datetime

    from listener.harmless import harmless
    from listener.incidents.message import Facts, message
    from listener.incidents.shape import PageKind
    from listener.service import notify
    from listener.service.run import version
    from listener.webclient.client import WebClient

    web = WebClient(version())
    began = time.monotonic()

    def clock() -> datetime:
        return datetime.now(UTC)

    try:
        receiver = notify.building(web, clock, version())(one)
        await receiver.ready()
        made = message(Facts(PageKind.TEST, one.name, clock(), settings.brands[0].name))
        said, state, code, ended = await notify.ask(receiver, made, f"page/test/{uuid.uuid4()}"), "taken", "", FINE
    except Uncertain as err:
        said, state, code, ended = str(err), "no clear answer: it may have arrived", err.code, FINDINGS
    except TryAgain as err:
        said, state, code, ended = str(err), "not reached", err.code, NOT_REACHABLE
    except (Refused, FixMe) as err:
        said, state, code, ended = str(err), "refused", err.code or "settings", FINDINGS
    finally:
        await web.close()
    took = round(time.monotonic() - began, 3)
    told = {
        "receiver": one.name,
        "kind": one.kind,
        "state": state,
        "said": harmless(said),
        "code": code,
        "seconds": took,
    }
    return told, ended
