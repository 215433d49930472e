"""Chat, e-mail and phones by Apprise: Slack, Teams, Telegram, ntfy, Matrix and a hundred others, each by an address that is a secret as a whole.

Apprise sends in threads and says little of what became of it. Here it has a thread of its own and a time limit; what it logs while it sends is read
for what is sure (refused, never connected), and whatever is not sure is unknown: the same is never sent twice. Only this module names the library,
and only when such a receiver is built. Refuses to keep what it logs: addresses and bodies stand in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from listener.errors import Refused, TryAgain, Uncertain
from listener.incidents.message import Message
from listener.model.scales import Severity
from listener.receivers.base import Wiring

SECONDS = 12.0
LOAD_SECONDS = 60.0
MOST_REST = 0.5
"""Seconds between two messages to one service."""
ROOMY = 700
"""Characters below which a service gets the short form."""

_STATUS = re.compile(r"(?:error=|error \[?|status(?: code)?[ =:]+|\()([2345]\d\d)\b")
_SMTP = re.compile(r"\((\d{3}), b['\"]")
_NEVER_LEFT = re.compile(
    r"Failed to establish a new connection|NameResolutionError|Name or service not known|nodename nor servname|Temporary failure in name resolution"
    r"|Connection refused|ConnectTimeout|No route to host|Network is unreachable|certificate verify failed",
    re.IGNORECASE,
)


_LOADING = threading.Lock()
_KINDS = {Severity.NOTE: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}


@dataclass(frozen=True, slots=True)
class _Service:
    """One address, understood."""

    library: Any
    service: Any
    all: Any


def _made(name: str, url: str) -> _Service:
    import apprise

    _mute()
    asset = apprise.AppriseAsset(
        app_id="Hubbub", app_desc="Hubbub", app_url="", async_mode=False, secure_logging=True, interpret_emojis=False,
        interpret_escapes=False, image_url_mask="", image_url_logo="", image_path_mask=False, storage_mode=apprise.PersistentStoreMode.MEMORY,
    )  # fmt: skip
    service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        hint = "its form is told by https://appriseit.com; try it with: hubbub alerts page-test"
        raise Refused("Apprise does not understand this address", where=name, hint=hint, code="settings")
    # Apprise rests seconds between two messages; a page does not wait for that, and who wants fewer says so (429).
    service.request_rate_per_sec = min(service.request_rate_per_sec, MOST_REST)
    both = apprise.Apprise(asset=asset)
    both.add(service)
    return _Service(apprise, service, both)


class Apprised:
    """One address of Apprise."""

    repeatable = False

    def __init__(self, wiring: Wiring) -> None:
        self._name, self._url = wiring.name, wiring.options["url"]
        self._made: _Service | None = None

    @property
    def service(self) -> Any:
        """Apprise's own, made when it is asked for: that takes a second the first time, and is no work for the loop."""
        return self._ready().service

    def _ready(self) -> _Service:
        with _LOADING:
            if self._made is None:
                self._made = _made(self._name, self._url)
            return self._made

    async def ready(self) -> None:
        """As `Receiver.ready`: the library reads a hundred services before the first one."""
        try:
            await _in_a_thread(self._ready, LOAD_SECONDS)
        except Uncertain as err:  # nothing was sent
            raise TryAgain(f"Apprise does not get ready: {err.what}", where=self._name, code="not_ready") from None

    async def tell(self, message: Message, key: str) -> str:
        """As `Receiver.tell`."""
        result = await _in_a_thread(lambda: self._notified(message), SECONDS)
        if result:
            return f"{self.service.service_name} took it"
        raise self._judged(*_told(result))

    def _notified(self, message: Message) -> Any:
        made = self._ready()
        title, body, marked = self._form(made, message)
        form = made.library.NotifyFormat.MARKDOWN if marked else made.library.NotifyFormat.TEXT
        kind = made.library.NotifyType(_KINDS[message.severity])
        return made.all.notify(body=body, title=title, notify_type=kind, body_format=form, log_level=logging.DEBUG)

    def _form(self, made: _Service, message: Message) -> tuple[str, str, bool]:
        """The form that the service asks for: Markdown where that is what it takes first, else plain text, short for a phone."""
        if made.service.body_maxlen < ROOMY:
            return "", message.short, False
        marked = made.service.resolve_format() == made.library.NotifyFormat.MARKDOWN
        body = message.markdown if marked else message.text
        body = body.partition("\n")[2].lstrip("\n")  # the title stands before it
        room = made.service.body_maxlen - len(message.title) - 10
        return message.title, body if len(body) <= room else _cut(body, room), marked

    def _judged(self, warned: str, broke: str) -> Exception:
        """What is sure of a failure. Of several addressees one may have got it: then nothing is."""
        where = self._name
        if len(self.service) > 1:
            return Uncertain("not all of the addressees were reached", where=where, code="no_answer")
        status = int(found[1]) if (found := _STATUS.search(warned)) else 0
        smtp = int(found[1]) if (found := _SMTP.search(broke)) else 0
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
        if not status and _NEVER_LEFT.search(broke):
            return TryAgain("no connection", where=where, code="no_connection")
        return Uncertain(f"it answered {status}" if status else "no clear answer", where=where, code="no_answer")


def _told(result: Any) -> tuple[str, str]:
    """What Apprise warned of, and how a connection broke. Nothing else is read: bodies stand there too, and anybody may write into these."""
    entries = list(result.logs())
    warned = [entry.message for entry in entries if entry.level in {"WARNING", "ERROR"}]
    broke = [entry.message for entry in entries if entry.message.startswith(("Socket Exception: ", "I/O Exception: "))]
    return "\n".join(warned), "\n".join(broke)


def _mute() -> None:
    """What these libraries log may hold addresses: it stays with the result, and never reaches our log."""
    for name in ("apprise", "urllib3"):
        other = logging.getLogger(name)
        other.propagate = False
        if not other.handlers:
            other.addHandler(logging.NullHandler())
    logging.getLogger("apprise").setLevel(logging.DEBUG)


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


async def _in_a_thread(act: Callable[[], Any], seconds: float) -> Any:
    """Its result, in a thread that nobody waits for at the end of the program: one that hangs holds up nothing. Too slow is Uncertain."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        elif isinstance(error, Refused):
            done.set_exception(error)
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
        async with asyncio.timeout(seconds):
            return await done
    except TimeoutError:
        raise Uncertain(f"no answer in {seconds:g} seconds", code="no_answer") from None
