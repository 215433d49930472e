"""What our accounts can do on the network, and how far each act of ours there has got: honest states in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view import names, words
from inbox_tui.view.lines import Line, Piece, flow, say
from inbox_tui.view.queue import who
from listener import networks
from listener.model.accounts import Capability
from listener.model.kinds import Kind
from listener.model.leaving import NEEDS, OPPOSITE, Doing, OutboxState
from listener.pictures import limit_of

if TYPE_CHECKING:
    from listener.store.views.thread import ActRow, HistoryLine, Opened, ThreadMessage

BECOMES = {
    Doing.LIKE: "liked",
    Doing.UNLIKE: "no longer liked",
    Doing.HIDE: "hidden",
    Doing.SHOW: "shown again",
    Doing.DELETE: "deleted",
    Doing.REMOVE: "deleted",
    Doing.BLOCK: "blocked",
    Doing.UNBLOCK: "no longer blocked",
    Doing.EDIT: "edited",
}
"""What the message, or its author, is to be."""

ASKS = {
    Doing.LIKE: "like it",
    Doing.UNLIKE: "take the like back",
    Doing.HIDE: "hide it",
    Doing.SHOW: "show it again",
    Doing.DELETE: "delete it",
    Doing.REMOVE: "delete it",
    Doing.BLOCK: "block them",
    Doing.UNBLOCK: "unblock them",
    Doing.EDIT: "edit it",
}

_STANDS = {
    Doing.LIKE: ("♥ liked", "good"),
    Doing.HIDE: ("⊘ hidden", "note"),
    Doing.DELETE: ("deleted", "gone"),
    Doing.REMOVE: ("deleted by us", "gone"),
    Doing.BLOCK: ("⊘ blocked", "bad"),
    Doing.EDIT: ("✎ edited", "note"),
}
"""What is seen of it once it is so; the opposites leave nothing to see."""

OPEN = (OutboxState.QUEUED, OutboxState.SENDING, OutboxState.UNKNOWN)
UNDECIDED = (OutboxState.FAILED, OutboxState.STOPPED)
_DONE = (OutboxState.ACCEPTED, OutboxState.SEEN)

_ACTS = (
    ("like", "like", Capability.LIKE),
    ("hide", "hide", Capability.HIDE),
    ("delete", "delete", Capability.DELETE_OWN),
    ("block", "block", Capability.BLOCK),
    ("private", "private", Capability.PRIVATE_REPLY),
)

_TOGETHER = frozenset({"facebook", "instagram"})
"""Where a comment takes along what stands under it."""


def network_name(opened: Opened) -> str:
    """The network as people write it."""
    return names.network(opened.source)


def why_not(opened: Opened, needed: Capability) -> str:
    """Why it cannot be done here, in a sentence; '' : it can."""
    if only := networks.listened(opened.source):
        return f"not on {network_name(opened)}: {only}"
    if not opened.account_handle:
        return "no account of ours fits: it cannot be done from here"
    reason = opened.can.get(needed)
    if reason is None:
        return "nobody has said yet what our account can do here: the listener says it when it starts"
    if reason:
        return f"not on {network_name(opened)}: {say(reason)}"
    top = opened.thread[0] if opened.thread else None
    if needed in {Capability.HIDE, Capability.REMOVE} and top is not None and top.parent is None and not top.ours:
        what = "hide" if needed is Capability.HIDE else "delete"
        return f"not here: only under a post of ours can we {what} what others say"
    does = {Capability.DELETE_OWN: "delete", Capability.EDIT: "edit"}.get(needed)
    if does and not any(one.ours and not one.deleted for one in opened.thread):
        return f"not here: there is nothing of ours on the network to {does}"
    return ""


def why_no_delete(opened: Opened) -> str:
    """Why nothing can be deleted here, neither what we wrote nor what others did; '' : something can."""
    own, others = why_not(opened, Capability.DELETE_OWN), why_not(opened, Capability.REMOVE)
    if not own or not others:
        return ""
    reason = opened.can.get(Capability.REMOVE)
    return f"{own}; what others say: {say(reason)}" if reason and own.startswith("not here") else own


def no_reply(opened: Opened, table: Table = KEYS) -> str:
    """Why nobody can answer here at all, and what can be done instead; '' : it can be tried."""
    if networks.listened(opened.source) or opened.can.get(Capability.REPLY):
        return f"{why_not(opened, Capability.REPLY)} ({_by_hand(table)})"
    return "" if opened.account_handle else "no account of ours fits: it cannot be answered from here"


def no_pictures(opened: Opened, parent: ThreadMessage, private: bool) -> str:
    """Why an answer cannot carry pictures; '' : it can."""
    if private or parent.kind is Kind.DM:
        return "pictures cannot be sent in private from here"
    if reason := opened.can.get(Capability.MEDIA):
        return f"no pictures on {network_name(opened)}: {say(reason)}"
    return "" if limit_of(opened.source) else f"pictures cannot be sent to {network_name(opened)} from here"


def _by_hand(table: Table) -> str:
    return f"{sign('yank', table)} l copies its address"


def can_parts(opened: Opened, table: Table = KEYS) -> list[tuple[Line, str]]:
    """The acts by their keys, each with its name in the key map; what cannot be done here is crossed, and its key says why."""
    only = networks.listened(opened.source)
    if not only and (not opened.account_handle or not opened.can):
        return []
    parts: list[tuple[Line, str]] = [(((f"on {network_name(opened)}: ", "dim"),), "")]
    if only or opened.can.get(Capability.REPLY):
        parts.append((((f"✗{sign('reply', table)} reply  ", "dim"),), "reply"))
    if only:
        return [*parts, (((_by_hand(table), ""),), "yank")]
    for name, act, needed in _ACTS:
        crossed = bool(why_no_delete(opened) if needed is Capability.DELETE_OWN else why_not(opened, needed))
        key = sign(act, table)
        parts.append((((f"✗{key} {name}  ", "dim"),) if crossed else ((key, "accent"), (f" {name}  ", "")), act))
    if not why_not(
        opened, Capability.EDIT
    ):  # last, and only where it can be done: the line is short, and its key says why not
        parts.append((((sign("edit", table), "accent"), (" edit  ", "")), "edit"))
    return parts


def what_deleting_does(opened: Opened) -> str:
    """Beside that it is for good."""
    if opened.source in _TOGETHER:
        return "It cannot be brought back. What others answered to it may go with it."
    return "It cannot be brought back. What others answered to it stays there."


def what_blocking_does(opened: Opened, table: Table = KEYS) -> list[str]:
    """As the network does it."""
    ours, where = names.account(opened.account_handle), network_name(opened)
    seen = f"Everybody on {where} can see who blocks whom. " if opened.source == "bluesky" else ""
    return [
        f"They and {ours} no longer see each other's posts, and they cannot answer ours.",
        f"{seen}Their conversations stay here; {sign('block', table)} unblocks them.",
    ]


def pair_of(what: Doing) -> tuple[Doing, ...]:
    """An act and its opposite: the two states of one thing."""
    return (what, OPPOSITE[what]) if what in OPPOSITE else (what,)


def stands(acts: Sequence[ActRow], what: Doing) -> ActRow | None:
    """The newest of these acts that decides this state, if it asks for `what` and was not taken back or refused."""
    lasting = [one for one in acts if one.what in pair_of(what) and one.state in (*OPEN, *_DONE)]
    return lasting[-1] if lasting and lasting[-1].what is what else None


def on_message(opened: Opened, mention_id: int) -> list[ActRow]:
    """Acts on one message, oldest first."""
    return [one for one in opened.network if one.mention_id == mention_id and not _of_author(one)]


def on_author(opened: Opened) -> list[ActRow]:
    """Blocks of the author, oldest first."""
    return [one for one in opened.network if _of_author(one)]


def _of_author(row: ActRow) -> bool:
    return NEEDS[row.what] is Capability.BLOCK


def told(acts: Sequence[ActRow], opened: Opened, now: datetime, table: Table = KEYS) -> list[Piece]:
    """How things stand, and what is on its way or went wrong since."""
    pieces: list[Piece] = []
    by_need: dict[Capability, list[ActRow]] = {}
    for one in acts:
        if one.state is not OutboxState.WITHDRAWN:
            by_need.setdefault(NEEDS[one.what], []).append(one)
    for some in by_need.values():
        done = next((one for one in reversed(some) if one.state in _DONE), None)
        if done is not None and done.what in _STANDS:
            sign, style = _STANDS[done.what]
            where = "" if done.what is Doing.LIKE else f" on {network_name(opened)}"
            pieces.append((f"{sign}{where} by {say(done.person)}, {words.age(done.changed_at, now)}", style))
        if some[-1] is not done:
            pieces.append(act_words(some[-1], now, table))
    return pieces


def blocked_lines(rows: Sequence[ActRow], source: str, now: datetime, width: int) -> list[Line]:
    """For an author's card: each account of ours that has blocked them, as the network has accepted it last."""
    newest = {row.account_handle: row for row in rows if row.state in _DONE}
    lines: list[Line] = []
    for row in newest.values():
        if row.what is Doing.BLOCK:
            where, whose = names.network(source), f"for {names.account(row.account_handle)}"
            told = f"⊘ blocked on {where} {whose} by {say(row.person)} {words.ago(row.changed_at, now)}"
            lines.extend(flow(((told, "bad"),), width))
    return lines


def seconds_left(row: ActRow, now: datetime) -> int:
    """Whole seconds in which it can still be taken back; 0 when they are over."""
    return max(0, ceil((row.not_before - now).total_seconds()))


def act_words(row: ActRow, now: datetime, table: Table = KEYS) -> Piece:
    """Where an act is and what can be done about it."""
    becomes, problem = BECOMES[row.what], f": {say(row.problem)}" if row.problem else ""
    undo = sign("take_back", table)
    match row.state:
        case OutboxState.QUEUED if left := seconds_left(row, now):
            return f"{becomes} in {left} s, {undo} takes it back", "soon"
        case OutboxState.QUEUED:
            return f"waiting to be {becomes}{problem}, {undo} takes it back", "soon"
        case OutboxState.SENDING:
            return f"being {becomes}", "soon"
        case OutboxState.ACCEPTED | OutboxState.SEEN:
            return f"{becomes}, the network says", "good"
        case OutboxState.UNKNOWN:
            return f"nobody knows whether it is {becomes}{problem}", "bad"
        case OutboxState.FAILED | OutboxState.STOPPED:
            return f"not {becomes}{problem} ({sign('settle', table)}: try again or put it aside)", "bad"
        case OutboxState.WITHDRAWN:
            return f"not {becomes}: taken back", "dim"


def message_line(message: ThreadMessage, opened: Opened, now: datetime) -> Line:
    """A message to choose: who, the first words, how it stands."""
    name = "we" if message.ours else who(message.author_handle, message.author_name)
    states = [((" · ", "dim"), piece) for piece in told(on_message(opened, message.id), opened, now)]
    return ((f"{name} ", "bold"), (say(message.text)[:60], ""), *(piece for pair in states for piece in pair))


def history_words(line: HistoryLine) -> str:
    """An event of an act as the rest of a sentence: 'asked for it to be liked'."""
    try:
        becomes = BECOMES[Doing(str(line.after.get("what", line.before.get("what", ""))))]
    except ValueError:
        becomes = "changed on the network"
    return {
        "network.queued": f"asked for it to be {becomes}" if line.person else f"waits before it is {becomes}",
        "network.withdrawn": f"took it back: it is not {becomes}",
        "network.sending": f"sends it to be {becomes}",
        "network.accepted": f"heard from the network that it is {becomes}",
        "network.failed": f"could not have it {becomes}",
        "network.stopped": f"stopped before it was {becomes}",
        "network.unknown": f"does not know whether it is {becomes}",
    }.get(line.kind, "did something on the network")
