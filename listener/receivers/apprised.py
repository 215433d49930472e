"""Chat, e-mail and phones by Apprise: Slack, Teams, Telegram, ntfy, Matrix and a hundred others, each by an address that is a secret as a whole.

Apprise sends in threads and says little of what became of it. Here it has a thread of its own and a time limit; what it logs while it sends is read
for what is sure (refused, never connected), and whatever is not sure is unknown: the same is never sent twice. Only this module names the library,
and only when such a receiver is built. Refuses to keep what it logs: addresses and bodies stand in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from typing import Any

from listener.errors import Refused, TryAgain, Uncertain
from listener.incidents.message import Message
from listener.receivers.base import Wiring

SECONDS = 12.0
ROOMY = 700
"""Characters below which a service gets the short form."""

_STATUS = re.compile(r"(?:error=|error \[?|status(?: code)?[ =:]+|\()([2345]\d\d)\b")
_SMTP = re.compile(r"\((\d{3}), b['\"]")
_NEVER_LEFT = re.compile(
    r"Failed to establish a new connection|NameResolutionError|Name or service not known|nodename nor servname|Temporary failure in name resolution"
    r"|Connection refused|ConnectTimeout|No route to host|Network is unreachable|certificate verify failed",
    re.IGNORECASE,
)


class Apprised:
    """One address of Apprise."""

    repeatable = False

    def __init__(self, wiring: Wiring) -> None:
        import apprise

        self._name = wiring.name
        asset = apprise.AppriseAsset(
            app_id="Hubbub", app_desc="Hubbub", app_url="", async_mode=False, secure_logging=True, interpret_emojis=False,
            interpret_escapes=False, storage_mode=apprise.PersistentStoreMode.MEMORY,
        )  # fmt: skip
        service = apprise.Apprise.instantiate(wiring.options["url"], asset=asset, suppress_exceptions=True)
        if service is None:
            hint = "its form is told by https://appriseit.com; try it with: hubbub alerts page-test"
            raise Refused("Apprise does not understand this address", where=self._name, hint=hint, code="settings")
        self._service = service
        self._all = apprise.Apprise(asset=asset)
        self._all.add(service)
        self._markdown = apprise.NotifyFormat.MARKDOWN
        self._plain = apprise.NotifyFormat.TEXT
        self._kinds = {
            "note": apprise.NotifyType.INFO,
            "warning": apprise.NotifyType.WARNING,
            "critical": apprise.NotifyType.FAILURE,
        }

    async def tell(self, message: Message, key: str) -> str:
        """As `Receiver.tell`."""
        result = await _in_a_thread(lambda: self._notified(message))
        if result:
            return f"{self._service.service_name} took it"
        raise self._judged(" ".join(entry.message for entry in result.logs()))

    def _notified(self, message: Message) -> Any:
        title, body, form = self._form(message)
        return self._all.notify(
            body=body, title=title, notify_type=self._kinds[message.severity.value], body_format=form, log_level=10
        )

    def _form(self, message: Message) -> tuple[str, str, Any]:
        """The form that the service asks for: Markdown where that is what it takes first, else plain text, short for a phone."""
        if self._service.body_maxlen < ROOMY:
            return "", message.short, self._plain
        marked = self._service.resolve_format() == self._markdown
        body = message.markdown if marked else message.text
        body = body.partition("\n")[2].lstrip("\n")  # the title stands before it
        room = self._service.body_maxlen - len(message.title) - 10
        if len(body) > room:
            body = _cut(body, room)
        return message.title, body, self._markdown if marked else self._plain

    def _judged(self, logs: str) -> Exception:
        """What is sure of a failure. Of several addressees one may have got it: then nothing is."""
        where = self._name
        if len(self._service) > 1:
            return Uncertain("not all of the addressees were reached", where=where, code="no_answer")
        status = int(found[1]) if (found := _STATUS.search(logs)) else 0
        smtp = int(found[1]) if (found := _SMTP.search(logs)) else 0
        if status in {401, 403, 407} or smtp in {530, 534, 535, 538}:
            hint = "is the address in its secret right?"
            return Refused(f"it refused us ({status or smtp})", where=where, hint=hint, code="auth")
        if status in {425, 429}:
            return TryAgain("it wants fewer messages (429)", where=where, code="rate_limit")
        if 300 <= status < 500 and status != 408:
            return Refused(f"it refused the message ({status})", where=where, code="refused")
        if 500 <= smtp < 600:
            return Refused(f"the mail server refused it ({smtp})", where=where, code="refused")
        if 400 <= smtp < 500:
            return TryAgain(f"the mail server wants it later ({smtp})", where=where, code="not_now")
        if not status and _NEVER_LEFT.search(logs):
            return TryAgain("no connection", where=where, code="no_connection")
        return Uncertain(f"it answered {status}" if status else "no clear answer", where=where, code="no_answer")


def _cut(text: str, room: int) -> str:
    """Whole lines from the beginning, and the last ones, which say how to answer."""
    *lines, last = text.split("\n")
    end = [lines.pop(), last] if lines else [last]
    kept, left = [], room - sum(len(one) + 1 for one in end) - 2
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            kept.append("…")
            break
        kept.append(line)
    return "\n".join([*kept, *end])[:room]


async def _in_a_thread(act: Any) -> Any:
    """Its result, in a thread that nobody waits for at the end of the program: one that hangs holds up nothing. Too slow is Uncertain."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            # What went wrong inside may repeat the address: its type only.
            done.set_exception(Uncertain(f"Apprise broke: {type(error).__name__}", code="no_answer"))

    def run() -> None:
        result, error = None, None
        try:
            result = act()
        except BaseException as err:
            error = err
        with contextlib.suppress(RuntimeError):  # the program ends
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="page by apprise", daemon=True).start()
    try:
        async with asyncio.timeout(SECONDS):
            return await done
    except TimeoutError:
        raise Uncertain(f"no answer in {SECONDS:g} seconds", code="no_answer") from None
