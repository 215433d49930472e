"""What the rule files say to whoever writes: saved replies, filled and in order, and what the style guide finds in a draft.

Reads the style guide's own modules when somebody writes: most who open the inbox read for a while before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inbox_tui.view.lines import Line, fit, say, typed
from listener import style as styling
from listener.model.kinds import Kind
from listener.model.leaving import OutboxState
from listener.rulebook import replies as templates

if TYPE_CHECKING:
    from listener.model.judged import Tone
    from listener.rulebook.guide import Guide
    from listener.store.views.thread import Opened, ThreadMessage

_QUOTED = 40
_BEFORE = re.compile(r"(?:^|(?<=\s))\S+\Z")
_UNSENT = frozenset({OutboxState.WITHDRAWN, OutboxState.FAILED, OutboxState.STOPPED})


@dataclass(frozen=True, slots=True)
class Voice:
    """How a brand speaks, by the rulebook in force."""

    guide: Guide | None = None
    replies: tuple[templates.SavedReply, ...] = ()
    problem: str = ""
    """Why neither is known."""
    hear: Callable[[str], tuple[str, Tone]] | None = None
    """The language of a draft ("": unsure) and how it sounds, where the guide asks for either."""


SILENT = Voice()
"""Of a brand without rule files, and before they are read."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A saved reply as it would be put in."""

    key: str
    title: str
    code: str
    text: str
    asked: bool
    """A rule offers it."""

    @property
    def line(self) -> Line:
        """As a line to choose; its text is in it to be found by."""
        asked: Line = ((" a rule offers it", "good"),) if self.asked else ()
        code: Line = ((f" {say(self.code)}", "tag"),) if self.code else ()
        return ((say(self.title), "bold"), *code, *asked, (f"  {say(self.text)}", "dim"))


@dataclass(frozen=True, slots=True)
class Look:
    """What is known while somebody writes: enough to say of every draft what is to be said of it."""

    voice: Voice
    opened: Opened
    parent: ThreadMessage
    values: Mapping[str, str]
    aside: bool = False
    """A public message is answered in private."""

    @property
    def public(self) -> bool:
        """Everybody can read what is sent."""
        return self.parent.kind is not Kind.DM and not self.aside

    def private(self, draft: str) -> tuple[styling.Finding, ...]:
        """What belongs to somebody, or is about somebody who is not answered."""

        guide, parent = self.voice.guide, self.parent
        thread = [
            m for m in self.opened.thread if m.author_id != parent.author_id or m.author_handle != parent.author_handle
        ]
        return styling.private(
            draft,
            answered=styling.Somebody(parent.author_handle, parent.author_name),
            others=dict.fromkeys(styling.Somebody(m.author_handle, m.author_name) for m in thread if not m.ours),
            ours=[self.opened.account_handle, *(m.author_handle for m in thread if m.ours)],
            domains=guide.links if guide is not None else (),
        )

    def styled(self, draft: str) -> tuple[styling.Finding, ...]:
        """What the style guide says, and what nobody has filled in."""

        first = not any(one.state not in _UNSENT for one in self.opened.replies)
        lang, tone = ("", None) if self.voice.hear is None else self.voice.hear(draft)
        return styling.findings(draft, self.voice.guide, lang=lang, tone=tone, first=first, values=self.values)

    def offers(self) -> tuple[Offer, ...]:
        """Saved replies, filled, in the network's version: what a rule offers first, then what fits the conversation best."""

        conversation, parent = self.opened.conversation, self.parent

        def order(reply: templates.SavedReply) -> tuple[bool, bool, bool, bool, str]:
            return (
                reply.key != self.opened.saved_reply,
                bool(reply.lang and parent.lang) and reply.lang != parent.lang,
                not (reply.team and reply.team == conversation.team),
                not set(reply.tags) & set(conversation.tags),
                reply.title.casefold(),
            )

        return tuple(
            Offer(
                one.key,
                one.title,
                one.code,
                typed(templates.fill(one, self.opened.source, self.values)),
                one.key == self.opened.saved_reply,
            )
            for one in sorted(self.voice.replies, key=order)
        )


def values(parent: ThreadMessage, agent: str, brand: str) -> dict[str, str]:
    """What the fields of saved replies are filled with; a field of which nothing is known is not in it."""
    author = say(parent.author_name) or say(parent.author_handle)
    known = {"author": author, "agent": say(agent), "brand": say(brand)}
    return {name: value.strip() for name, value in known.items() if value.strip()}


def code_before(text: str) -> str:
    """What was typed last, up to the cursor; "" behind a space."""
    found = _BEFORE.search(text)
    return found.group() if found else ""


def with_code(offers: Iterable[Offer], code: str) -> Offer | None:
    """The saved reply of a code, however it is written."""
    wanted = code.casefold()
    return next((one for one in offers if one.code and one.code.casefold() == wanted), None)


def finding_line(finding: styling.Finding, draft: str, *, asks: bool = False) -> Line:
    """A finding on one line, with the words that it is about marked."""
    sign, style = ("✗ ", "bad") if finding.blocks else ("? ", "soon") if asks else ("· ", "soon")
    start, end = finding.span
    said, about = say(finding.message), fit(say(draft[start:end]), _QUOTED)
    tail: Line = ((f": {say(finding.because)}", "dim"),) if finding.because else ()
    if about and about in said:
        before, _, after = said.partition(about)
        return ((sign, style), (before, style), (about, "mark"), (after, style), *tail)
    quoted: Line = ((about, "mark"), (" ", style)) if about and finding.code != "longest" else ()
    return ((sign, style), *quoted, (said, style), *tail)


def stopped(found: Sequence[styling.Finding]) -> str:
    """Why a draft is not sent; "" when nothing keeps it."""
    blocking = [one for one in found if one.blocks]
    more = f" (and {len(blocking) - 1} more)" if len(blocking) > 1 else ""
    return f"not sent: {say(str(blocking[0]))}{more}" if blocking else ""


def public_question(found: Sequence[styling.Finding]) -> str:
    """What is asked before something private is sent to everybody."""

    held = list(dict.fromkeys(say(one.message) for one in found if one.code != styling.PERSON))
    told = ([f"holds {' and '.join(held)}"] if held else []) + (
        ["names somebody else"] if any(one.code == styling.PERSON for one in found) else []
    )
    return f"This is public and {' and '.join(told)}: send anyway?"
