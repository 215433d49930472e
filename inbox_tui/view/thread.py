"""The lines of a conversation: author card, where it stands, why it was flagged, the thread with our replies and notes, history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view import approvals, labels, names, network, sight, windows, words
from inbox_tui.view.authors import about
from inbox_tui.view.history import history_sentence, passed_from
from inbox_tui.view.lines import Line, Piece, flow, flow_parts, joined, paragraphs, say
from inbox_tui.view.marks import Marked, mark_lines
from inbox_tui.view.overruled import by_hand_lines
from inbox_tui.view.queue import who
from inbox_tui.view.replies import outbox_words
from listener.model.accounts import Capability
from listener.model.leaving import Doing
from listener.store.views.approvals import ApprovalRow
from listener.store.views.thread import Opened, OutboxRow, ThreadMessage

if TYPE_CHECKING:
    from listener.store.views.listening import ListeningRow
    from listener.store.views.notes import Note

_REASONS = 12
"""Reasons that are told, the weightiest; the panel (W) tells all of them."""


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom the lines are drawn."""

    now: datetime
    zone: tzinfo | None
    person_id: int
    names: Mapping[int, str]
    """People of the brand by id: history says who, not which number."""
    width: int
    history: bool = False
    """Show all of the history instead of how much there is."""
    writing: bool = False
    """They are writing an answer: the thread ends with what is answered."""
    whole: bool = False
    """Show what everybody else said in the thread, not only what leads to our messages."""
    around: tuple[Line, ...] = ()
    """Colleagues who look at it or type."""
    labels: Sequence[str] = ()
    """Those of the reader alone."""
    table: Table = KEYS
    """The keys that sentences name."""


def head_lines(opened: Opened, reader: Reader) -> list[Line]:
    """What stays in sight above the thread: who, where it stands, why."""
    them = [*author_card(opened, reader), *about(opened, reader.now, reader.width, reader.table)]
    return [*them, *standing(opened, reader), *asked(opened, reader), *why(opened, reader)]


def thread_lines(
    opened: Opened, reader: Reader, marks: Mapping[int, Sequence[Marked]] = MappingProxyType({})
) -> list[Line]:
    """The thread with our replies and notes, oldest first, then the history. `marks`: what people say of rules, by message."""
    lines: list[Line] = []
    near = _near(opened)
    folded = 0
    for entry in _entries(opened):
        aside = isinstance(entry, ThreadMessage) and entry.id not in near and not reader.whole
        if aside:
            folded += 1
            continue
        if folded:
            lines.extend((_folded(folded, reader), ()))
            folded = 0
        if isinstance(entry, ThreadMessage):
            lines.extend(_message(entry, opened, reader))
            lines.extend(mark_lines(marks.get(entry.id, ()), reader.person_id, reader.now, reader.width))
        elif isinstance(entry, OutboxRow):
            lines.extend(_reply(entry, reader))
        elif isinstance(entry, ApprovalRow):
            lines.extend(
                approvals.approval_lines(
                    entry,
                    opened,
                    person_id=reader.person_id,
                    now=reader.now,
                    zone=reader.zone,
                    width=reader.width,
                    table=reader.table,
                )
            )
        else:
            lines.extend(_note(entry, reader))
        lines.append(())
    if not reader.writing:
        if folded:
            lines.extend((_folded(folded, reader), ()))
        lines.extend(_history(opened, reader))
    return lines


def _near(opened: Opened) -> set[int]:
    """What belongs to this conversation, what we said, and what either answers; the rest of a busy thread is folded."""
    by_key = {message.external_id: message for message in opened.thread}
    near: set[int] = {message.id for message in opened.thread[:1]}
    for message in opened.thread:
        if not message.mine:
            continue
        step: ThreadMessage | None = message
        while step is not None and step.id not in near:
            near.add(step.id)
            step = by_key.get(step.parent or "")
    answered = {message.external_id for message in opened.thread if message.mine}
    near.update(message.id for message in opened.thread if message.ours and message.parent in answered)
    return near


def _folded(n: int, reader: Reader) -> Line:
    more = f"  … {words.count(n, 'other message')} in this thread ({sign('whole', reader.table)} shows all)"
    return ((more, "dim"),)


def author_card(opened: Opened, reader: Reader) -> list[Line]:
    """Who they are: handle, name, reach, past with us, and what the network says about the account."""
    parts: list[Line] = [((who(opened.author_handle, opened.author_name), "title"),)]
    if opened.author_handle and opened.author_name != opened.author_handle and opened.author_name:
        parts.append(((say(opened.author_name), "bold"),))
    if opened.author_followers is not None:
        parts.append(((words.count(opened.author_followers, "follower"), "dim"),))
    n = opened.author_conversations
    past = "first time here" if n == 0 else f"{'100 or more' if n >= 100 else n} other conversation{'s' * (n != 1)}"
    parts.append(((past, "dim"),))
    if opened.author_status not in ("", "active"):
        parts.append(((f"account {say(opened.author_status)}", "bad"),))
    lines = flow_parts(parts, reader.width)
    if opened.author_bio:
        lines.extend(flow(((say(opened.author_bio), "dim"),), reader.width)[:2])
    return lines


def standing(opened: Opened, reader: Reader) -> list[Line]:
    """Where the conversation stands and whose it is."""
    c = opened.conversation
    parts: list[Line] = [((words.STATE_WORDS[c.state], "bold"),)]
    if c.snoozed_until is not None:
        parts.append(((f"until {words.clock(c.snoozed_until, reader.now, reader.zone)}", ""),))
    if c.due_at is not None:
        parts.append((words.due(c.due_at, reader.now),))
    if resolve := windows.resolve(c, reader.now, reader.zone):
        parts.append((resolve,))
    parts.extend((piece,) for piece in windows.standing(opened, reader.now))
    by_hand = " (set by hand)" if c.priority_by is not None else ""
    parts.append(((f"priority {words.priority_words(c.priority)}{by_hand}", ""),))
    if c.assignee_id is not None:
        parts.append(
            (("yours", "accent") if c.assignee_id == reader.person_id else (f"for {say(opened.assignee)}", ""),)
        )
    elif c.team:
        parts.append(((f"for the team {say(c.team)}", ""),))
    if team := passed_from(opened.history, c.due_at):
        parts.append(((f"escalated from {say(team)}: nobody had taken it", "late"),))
    if opened.claimed_by_id == reader.person_id:
        parts.append((("✎ you are on it", "accent"),))
    elif opened.claimed_by_id is not None:
        parts.append(((f"✎ {say(opened.claimed_by)} is on it", "soon"),))
    parts.extend(reader.around)
    parts.extend((piece,) for piece in network.told(network.on_author(opened), opened, reader.now, reader.table))
    parts.extend((labels.piece(label),) for label in reader.labels)
    parts.extend(((f"#{say(tag)}", "tag"),) for tag in c.tags)
    via = f"{names.network(opened.source)}, " + (
        f"to {names.account(opened.account_handle)}" if opened.account_handle else "addressed to none of our accounts"
    )
    parts.append(((via, "dim"),))
    return flow_parts(parts, reader.width)


def asked(opened: Opened, reader: Reader) -> list[Line]:
    """What rules ask a person to do with the message itself."""
    parts: list[Line] = []
    if opened.saved_reply:
        parts.append((("rules offer the saved reply ", "dim"), (say(opened.saved_reply), "accent")))
    if opened.hide:
        parts.append(hide_asked(opened, reader.table))
    return flow_parts(parts, reader.width)


def hide_asked(opened: Opened, table: Table = KEYS) -> Line:
    """That a message is to be hidden, until it is, and by which key."""
    hidden = opened.because_mention_id and network.stands(
        network.on_message(opened, opened.because_mention_id), Doing.HIDE
    )
    if hidden:
        return (("rules asked to hide it", "dim"),)
    why_not = network.why_not(opened, Capability.HIDE)
    how = (f" ({why_not})", "dim") if why_not else (f" ({sign('hide', table)} hides it)", "")
    return (f"rules ask somebody to hide it on {names.network(opened.source)}", "soon"), how


def why(opened: Opened, reader: Reader) -> list[Line]:
    """Why it was flagged: rules in order of weight, what experiments would have flagged, and signals in one breath."""
    if not opened.because:
        return [(("why: no rule fired", "dim"),)]
    told = opened.because[:_REASONS]
    rules = [tuple(_reason(one)) for one in told if "rule" in one and not _shadow(one)]
    signals = joined(tuple(_reason(one)) for one in told if "rule" not in one)
    trying = [tuple(_reason(one)) for one in told if "rule" in one and _shadow(one)]
    lines: list[Line] = []
    for reason in (*rules, *trying, *((signals,) if signals else ())):
        lead = "     " if lines else "why: "
        lines.extend(flow(((lead, "dim"), *reason), reader.width, hanging="     "))
    return lines


def _shadow(reason: Mapping[str, Any]) -> bool:
    """Whether an experiment says it."""
    return reason.get("shadow") is True


def _reason(reason: Mapping[str, Any]) -> Iterator[Piece]:
    if "rule" in reason:
        shadow = _shadow(reason)
        yield f"{'would flag: ' if shadow else ''}rule {say(str(reason['rule']))}", "note" if shadow else "bold"
        if title := reason.get("title"):
            yield f" {say(str(title))}", ""
        if then := reason.get("then"):
            said = (
                ", ".join(say(_plain(part)) for part in then) if isinstance(then, list | tuple) else say(_plain(then))
            )
            yield f" → {said}", "dim"
        if shadow:
            yield " (experimental)", "note"
        return
    name, value = say(str(reason.get("signal", "?"))), reason.get("value")
    shown = f"{value:.2f}" if isinstance(value, float) else say(_plain(value))
    yield f"{name.replace('_', ' ')} {shown}", ""


def _plain(value: Any) -> str:
    """A value of a rule in words: no brackets and quotes of a programming language."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return " ".join(_plain(v) for v in value)
    return "yes" if value is True else "no" if value is False else "" if value is None else str(value)


def _entries(opened: Opened) -> list[ThreadMessage | OutboxRow | ApprovalRow | Note]:
    """Messages, replies that are not in the thread yet or wait for approval, and notes, oldest first."""
    there = {message.external_id for message in opened.thread}
    replies = [r for r in opened.replies if r.state.value != "withdrawn" and r.external_id not in there]
    timed: list[tuple[datetime, int, ThreadMessage | OutboxRow | ApprovalRow | Note]] = [
        *((message.at, 0, message) for message in opened.thread),
        *((note.at, 1, note) for note in opened.notes),
        *((one.asked_at, 2, one) for one in opened.approvals if approvals.shown(one, opened)),
        *((reply.queued_at, 3, reply) for reply in replies),
    ]
    timed.sort(key=lambda item: (item[0], item[1]))
    return [entry for _, _, entry in timed]


def _spans(message: ThreadMessage, opened: Opened) -> tuple[int, ...]:
    """The words that rules matched in this version of a message; not those of an experiment."""
    found: list[int] = []
    reasons = opened.because if message.id == opened.because_mention_id else ()
    for one in (*message.flags, *reasons):
        if not _shadow(one):  # what is tried out changes nothing
            found.extend(_numbers(one.get("spans")))
    return tuple(found)


def _numbers(spans: Any) -> list[int]:
    """Spans as stored: numbers in turn, or pairs."""
    flat: list[int] = []
    for item in spans if isinstance(spans, list | tuple) else ():
        flat.extend(item if isinstance(item, list | tuple) else (item,))
    return [n for n in flat if isinstance(n, int)] if len(flat) % 2 == 0 else []


def _message(message: ThreadMessage, opened: Opened, reader: Reader) -> Iterator[Line]:
    aside = not message.mine and not message.ours
    name: Piece
    if message.ours:
        name = (f"◂ we, as {who(message.author_handle, message.author_name)}", "ours")
    else:
        name = (
            f"{' ' if aside else '▸'} {who(message.author_handle, message.author_name)}",
            "dim" if aside else "bold",
        )
    parts: list[Line] = [(name,), ((words.age(message.at, reader.now), "dim"),)]
    if aside:
        parts.append((("also in this thread", "dim"),))
    parts.extend(sight.parts(message.audience, message.kind))
    if message.version > 1:
        parts.append(((f"edited, v{message.version}", "note"),))
    if message.author_status not in ("", "active"):
        parts.append(((f"account {say(message.author_status)}", "bad"),))
    if message.tone is not None and not message.ours:
        parts.append((words.tone(message.tone),))
        if message.about is not None:
            parts.append((words.about_us(message.about),))
    if message.need is not None and not message.ours and (need := words.need(message.need)):
        parts.append((need,))
    if message.media:
        parts.append(((words.count(message.media, "picture or film", "pictures or films"), "dim"),))
    known = message.external_id
    parts.extend(
        (outbox_words(reply, reader.now, reader.zone, reader.table),)
        for reply in opened.replies
        if reply.external_id == known
    )
    parts.extend(
        (piece,) for piece in network.told(network.on_message(opened, message.id), opened, reader.now, reader.table)
    )
    yield from flow_parts(parts, reader.width)
    if message.deleted:
        whom = "we deleted it" if message.ours else "deleted by its author"
        yield from flow(((f"  {whom}; the text is gone", "gone"),), reader.width)
    elif message.text is None:
        yield (("  (text gone)", "gone"),)
    else:
        yield from by_hand_lines(message.by_hand, reader.person_id, reader.now, reader.zone, reader.width)
        pieces = paragraphs(message.text, () if aside else _spans(message, opened), "dim" if aside else "")
        yield from flow(pieces, reader.width, indent="  ")


def _reply(reply: OutboxRow, reader: Reader) -> Iterator[Line]:
    as_whom = f"◂ {'you' if reply.person_id == reader.person_id else say(reply.person)}, as {names.account(reply.account_handle)}"
    private = (("privately", "note"),) if reply.private else ()
    part = ((f"part {reply.part} of {reply.parts}", "note"),) if reply.parts else ()
    parts: list[Line] = [
        ((as_whom, "ours"),),
        private,
        part,
        (outbox_words(reply, reader.now, reader.zone, reader.table),),
    ]
    yield from flow_parts(parts, reader.width)
    yield from flow(paragraphs(reply.body), reader.width, indent="  ")


def _note(note: Note, reader: Reader) -> Iterator[Line]:
    head = (f"✍ note by {say(note.person)}", "note"), (f", {words.age(note.at, reader.now)}, only for us", "dim")
    yield from flow(head, reader.width)
    yield from flow(paragraphs(note.body, style="note"), reader.width, indent="  ")


def _history(opened: Opened, reader: Reader) -> Iterator[Line]:
    if not opened.history:
        return
    if not reader.history:
        yield (
            (f"history: {words.count(len(opened.history), 'entry', 'entries')}", "dim"),
            (f" ({sign('history', reader.table)} shows it)", "dim"),
        )
        return
    yield (("history", "dim"),)
    for line in opened.history:
        said = history_sentence(line, reader.names, reader.now, reader.zone)
        yield from flow(
            ((f"  {words.clock(line.at, reader.now, reader.zone)} ", "dim"), (said, "")), reader.width, hanging="    "
        )


def versions_lines(versions: list[tuple[int, str | None, datetime]], reader: Reader) -> list[Line]:
    """Every version of an edited message, oldest first."""
    lines: list[Line] = []
    for number, text, heard_at in versions:
        head = f"version {number}, heard {words.clock(heard_at, reader.now, reader.zone)}"
        lines.append(((head, "title"),))
        pieces = paragraphs(text) if text is not None else [("(text gone)", "gone")]
        lines.extend((*flow(pieces, reader.width, indent="  "), ()))
    return lines


def mention_lines(row: ListeningRow, reader: Reader, marks: Sequence[Marked] = ()) -> list[Line]:
    """One mention of a topic in full."""
    parts: list[Line] = [((who(row.author_handle, row.author_name), "title"),)]
    if row.author_handle and row.author_name != row.author_handle and row.author_name:
        parts.append(((say(row.author_name), "bold"),))
    parts.append(((f"{names.network(row.source)}, {row.kind.value}", "dim"),))
    parts.append(((f"{words.age(row.at, reader.now)}, {words.clock(row.at, reader.now, reader.zone)}", "dim"),))
    lines = flow_parts(parts, reader.width)
    judged: list[Line] = [(words.tone(row.tone),)]
    if row.about is not None:
        judged.append((words.about_us(row.about),))
    if need := words.need(row.need):
        judged.append((need,))
    judged.extend((("rule ", "dim"), (say(rule), "bold")) for rule in row.rules)
    by_hand = by_hand_lines(row.by_hand, reader.person_id, reader.now, reader.zone, reader.width, indent="")
    lines.extend((*flow_parts(judged, reader.width), *by_hand, ()))
    if row.deleted:
        lines.extend(flow((("deleted by its author; the text is gone", "gone"),), reader.width))
    elif row.text is None:
        lines.append((("(text gone)", "gone"),))
    else:
        lines.extend(flow(paragraphs(row.text), reader.width))
    lines.extend(mark_lines(marks, reader.person_id, reader.now, reader.width, indent=""))
    lines.append(())
    key = sign("take_in", reader.table)
    inside = (
        f"it is in the inbox: {key} opens it" if row.conversation_id is not None else f"{key} takes it into the inbox"
    )
    lines.append(((inside, "accent"),))
    return lines
