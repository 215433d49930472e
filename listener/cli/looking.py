"""`hubbub list`, `show` and `reply`: the inbox from a shell. Owns how a mention and a conversation look as lines.

Every text from a network is made harmless before it is printed; --json gives it as it is, escaped by JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import shlex
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from listener.cli.masking import add_mask, masked_conversation, masked_row
from listener.errors import FixMe, NotReachable, Refused

if TYPE_CHECKING:
    from listener.model.people import Person
    from listener.service.database import House
    from listener.settings import Settings
    from listener.store.views.thread import Opened, OutboxRow, ThreadMessage

_SIGHT = {
    "dm": "private message",
    "unlisted": "unlisted",
    "followers": "for followers only",
    "members": "in a closed chat",
    "some": "not for everybody",
}
"""Who may read a message, where that is not everybody."""

SETTLED = frozenset({"accepted", "seen", "failed", "stopped", "unknown", "withdrawn"})


def add_brand(parser: argparse.ArgumentParser) -> None:
    """Whose mentions."""
    parser.add_argument("--brand", metavar="KEY", help="which brand; default: the first")


def add_where(parser: argparse.ArgumentParser) -> None:
    """Whose mentions, by which settings."""
    add_brand(parser)
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to use")


def configure_list(parser: argparse.ArgumentParser) -> None:
    """Which folder, and how many."""
    parser.add_argument("query", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (50)")
    parser.add_argument(
        "--folder", choices=("open", "theirs", "snoozed", "done"), default="open", help="which part of the queue (open)"
    )
    add_mask(parser)
    add_where(parser)
    parser.epilog = """\
examples:
  hubbub list                              what is due first
  hubbub list --folder snoozed
  hubbub list --json | jq -r '.rows[].snippet'

Mentions that match a query: hubbub search. Exit code 1 when the folder is empty."""


def configure_show(parser: argparse.ArgumentParser) -> None:
    """Which conversation."""
    parser.add_argument("id", type=int, metavar="ID", help="the conversation's number, as list shows it")
    add_mask(parser)
    add_where(parser)
    parser.epilog = """\
examples:
  hubbub show 17
  hubbub show 17 --mask      without e-mail addresses, phone and card numbers, booking codes
  hubbub show 17 --json | jq '.thread[].text'"""


def configure_reply(parser: argparse.ArgumentParser) -> None:
    """To what, in which words, as whom."""
    parser.add_argument("id", type=int, metavar="ID", help="the conversation's number")
    parser.add_argument(
        "text", metavar="TEXT", help="what to say, where the message stands: to a private one in private, else publicly"
    )
    parser.add_argument(
        "--as", dest="account", metavar="ACCOUNT", help="the account's handle; default: the one addressed"
    )
    parser.add_argument("--wait", action="store_true", help="until it is on the network, failed, or unknown")
    parser.add_argument("--close", action="store_true", help="close the conversation once it is sent")
    add_where(parser)
    parser.epilog = """\
examples:
  hubbub reply 17 "Thanks, we are on it." --wait
  hubbub reply 17 "Sorted now." --as larkspur.example --close

It goes through the outbox as in the inbox, with the same seconds to take it back; a running listener sends it."""


@asynccontextmanager
async def opened_brand(
    arguments: argparse.Namespace, *, reading: bool = False
) -> AsyncIterator[tuple[Settings, House, int]]:
    """Settings, the open database (only for `reading` where that is enough), and the number of the brand that was asked for. FixMe when
    there is none such.
    """
    from listener import settings as reading_settings
    from listener.cli.terminal import USAGE_CODE
    from listener.service.database import opened
    from listener.store import people

    settings = reading_settings.load(arguments.config)
    if settings.database.is_embedded and not (settings.database.embedded / "cluster").exists():
        where = str(settings.database.embedded)
        raise NotReachable("there is no database yet", where=where, hint="hubbub up makes one")
    async with opened(settings, "hubbub", migrating=False, max_size=2, reading=reading) as house:
        found = {key: number for number, key, _ in await people.brands(house.pool)}
        wanted = arguments.brand or next(
            (brand.key for brand in settings.brands if brand.key in found), next(iter(found), "")
        )
        if wanted not in found:
            hint = f"there are: {', '.join(found) or 'none yet: start the listener'}"
            raise FixMe(f"there is no brand {wanted!r}", hint=hint, code=USAGE_CODE)
        yield settings, house, found[wanted]


def run_list(arguments: argparse.Namespace) -> int:
    """The queue."""
    from listener.cli.terminal import USAGE_CODE, run_async

    if arguments.query:
        hint = f"hubbub search {shlex.quote(' '.join(arguments.query))}"
        raise FixMe("list shows the queue; hubbub search finds mentions by a query", hint=hint, code=USAGE_CODE)
    return run_async(_queue(arguments))


async def _queue(arguments: argparse.Namespace) -> int:
    from listener.cli.terminal import moment, print_json, table, who
    from listener.networks import short
    from listener.store import inbox

    now = datetime.now(UTC)
    async with opened_brand(arguments) as (_, house, brand_id):
        rows = await inbox.page(house.pool, brand_id, arguments.folder, limit=max(1, arguments.limit))
    if arguments.mask:
        rows = [masked_row(row) for row in rows]
    if arguments.json:
        print_json({"folder": arguments.folder, "rows": rows})
    elif rows:
        lines = []
        for row in rows:
            due = f"due {moment(row.due_at, now)}" if row.due_at else ""
            text = row.snippet or "(gone)"
            lines.append(
                (
                    str(row.id),
                    due,
                    who(row.author_handle, row.author_name),
                    short(row.source),
                    row.tone.value,
                    ",".join(row.tags),
                    text,
                )
            )
        print(table(lines))
    return 0 if rows else 1


def run_show(arguments: argparse.Namespace) -> int:
    """One conversation whole."""
    from listener.cli.terminal import print_json, run_async

    async def show() -> int:
        async with opened_brand(arguments) as (settings, house, brand_id):
            person = await me(settings, house, brand_id)
            found = await _conversation(house, arguments.id, person)
        if arguments.mask:
            found = masked_conversation(found)
        if arguments.json:
            print_json(found)
        else:
            _print(found)
        return 0

    return run_async(show())


async def me(settings: Settings, house: House, brand_id: int) -> Person:
    """Who sits here, as the database knows them."""
    from listener.cli.running import seated
    from listener.store import people

    key = next(key for number, key, _ in await people.brands(house.pool) if number == brand_id)
    login = await seated(settings, house, key)
    return next(person for person in await people.people(house.pool, brand_id) if person.login == login)


async def _conversation(house: House, conversation_id: int, person: Person) -> Opened:
    from listener.store import inbox

    found = await inbox.open(house.pool, conversation_id, person.id, datetime.now(UTC))
    if found is None:
        raise FixMe(f"there is no conversation {conversation_id}", hint="hubbub list shows their numbers")
    return found


def _print(found: Opened) -> None:
    from listener.cli.terminal import coloured, moment, who
    from listener.harmless import harmless
    from listener.networks import called

    now = datetime.now(UTC)
    c = found.conversation
    due = f", due {moment(c.due_at, now)}" if c.due_at else ""
    if c.resolve_by and c.state.value != "done":
        due += f", to be resolved by {moment(c.resolve_by, now)}"
    title = (
        f"conversation {c.id} with {who(found.author_handle, found.author_name)} on {harmless(called(found.source))}"
    )
    print(f"{coloured(title, 'bold')}: {c.state.value}, priority {c.priority.name.lower()}{due}")
    followers = f", {found.author_followers:,} followers" if found.author_followers is not None else ""
    print(f"author: {harmless(found.author_name)}{followers}; {harmless(found.author_bio)[:200]}")
    told = [
        harmless(str(reason.get("title") or reason.get("rule") or reason.get("signal")))
        for reason in found.because
        if not reason.get("shadow")
    ]
    if told:
        print(f"because: {'; '.join(told)}")
    if c.tags or found.assignee or found.claimed_by:
        print(
            f"tags: {', '.join(c.tags) or '-'}; assigned to {found.assignee or 'nobody'}; held by {found.claimed_by or 'nobody'}"
        )
    for message in found.thread:
        print()
        name = coloured(who(message.author_handle, message.author_name), "cyan" if message.ours else "bold")
        edited = ", edited" if message.version > 1 else ""
        edited += (
            f", {sight}"
            if (sight := _SIGHT.get("dm" if message.kind.value == "dm" else message.audience.value))
            else ""
        )
        print(f"{name} {moment(message.at, now)}{edited}{'' if message.mine else ' (context)'}")
        text = harmless(message.text, lines=True) if message.text is not None else "(deleted)"
        print("\n".join(f"  {line}" for line in text.splitlines()))
    for row in found.replies:
        if row.state.value != "seen":
            print(
                f"\nreply {row.id} by {row.person}, {row.state.value}: {row.body}{f' ({harmless(row.problem)})' if row.problem else ''}"
            )


def run_reply(arguments: argparse.Namespace) -> int:
    """Queues the reply; with --wait, follows it to the network."""
    from listener.cli.terminal import print_json, run_async, who

    async def reply() -> int:
        async with opened_brand(arguments) as (settings, house, brand_id):
            row = await _queue_reply(arguments, settings, house, brand_id)
            if arguments.wait:
                row = await _followed(house, row)
        if arguments.json:
            print_json(row)
        else:
            tail = f": {row.problem}" if row.problem else ""
            whom = f"as {who(row.account_handle, '')} to {who(row.parent_handle, 'the author')}"
            print(f"reply {row.id} {whom}, {'privately' if row.private else 'publicly'}: {row.state.value}{tail}")
        return 0 if row.state.value in ("queued", "sending", "accepted", "seen") else 1

    return run_async(reply())


async def _queue_reply(arguments: argparse.Namespace, settings: Settings, house: House, brand_id: int) -> OutboxRow:
    from listener.lengths import length
    from listener.networks import called, listened
    from listener.store import outbox, people

    person = await me(settings, house, brand_id)
    found = await _conversation(house, arguments.id, person)
    account_id = found.account_id
    if arguments.account:
        handle = arguments.account.removeprefix("@").lower()
        fits = [a for a in await people.accounts(house.pool) if a.handle.lower() == handle and a.source == found.source]
        if not fits:
            raise FixMe(
                f"there is no account {arguments.account!r} on {called(found.source)}",
                hint="hubbub status lists the accounts",
            )
        account_id = fits[0].id
    if only := listened(found.source):
        raise Refused(
            f"nobody can answer on {called(found.source)}: {only}",
            hint=f"hubbub show {found.conversation.id} --json tells the address",
        )
    if not account_id:
        raise Refused("no account of ours can answer this", hint="name one with --as, or add one to hubbub.toml")
    from listener.service.stopping import Stop

    parent = parent_of(found)
    private = parent.kind.value == "dm"
    terms = replace(found.terms, whom=parent.author_handle, private=private)
    size, most = length(found.source, arguments.text, terms)
    if most and size > most:
        raise Refused(f"too long: {size} of {most}", hint="shorten it")
    return await house.persistently(
        lambda: outbox.queue_reply(
            house.pool, person.id, found.conversation.id, account_id, parent.id, arguments.text,
            visibility="private" if private else "public", lang="",
            fence=found.conversation.thread_version, hold_seconds=settings.hold_seconds,
            close_after=arguments.close, now=datetime.now(UTC),
        ),
        Stop(), "the reply",
    )  # fmt: skip


def parent_of(found: Opened) -> ThreadMessage:
    """The message that an answer goes to: the author's newest one that is still there."""
    theirs = [message for message in found.thread if message.mine and not message.ours and not message.deleted]
    if not theirs:
        raise Refused("there is nothing left to answer: its messages were deleted")
    return theirs[-1]


async def _followed(house: House, row: OutboxRow, *, within: float = 120.0) -> OutboxRow:
    """The row once its fate is known, or after two minutes as it is then."""
    from listener.store import outbox

    deadline = time.monotonic() + within
    while row.state.value not in SETTLED and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        row = await outbox.row(house.pool, row.id) or row
    return row
