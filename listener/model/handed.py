"""What the deliverer hands to a source: an answer with its pictures, or an act. Refuses to know how far it got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from listener.model.accounts import Account
from listener.model.heard import Author, Key
from listener.model.leaving import Doing


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture that a reply carries."""

    id: int
    media_type: str
    width: int
    height: int
    alt: str
    """In words, for those who cannot see it."""
    content: bytes = field(default=b"", repr=False)
    """Empty where it is not about to leave."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of ours as the deliverer hands it to a source."""

    outbox_id: int
    key: str
    """Idempotency key, minted with the row."""
    account: Account
    parent: Key
    parent_content_id: str
    """The parent's content as the writer knew it: a differing one on the network stops the reply."""
    root: str
    parent_author: Author
    text: str
    lang: str
    private: bool
    queued_at: datetime
    frozen: Mapping[str, Any] | None
    """What an earlier attempt fixed before sending; a repeat must send exactly this."""
    attachments: Sequence[Attachment] = ()


@dataclass(frozen=True, slots=True)
class NetworkAct:
    """Something that is done on a network, as the deliverer hands it to a source."""

    outbox_id: int
    key: str
    """Idempotency key, minted with the row."""
    account: Account
    what: Doing
    target: Key
    """The message; of a block, the one at which a person looked."""
    target_content_id: str
    """Its content as the person knew it: what differs on the network is not liked, and not edited."""
    root: str
    author: Author
    """Who wrote it: of a block, who is blocked."""
    made: str
    """What an earlier act of ours made on the network and this one takes away again (Bluesky: the record's URI); '' : nothing known."""
    queued_at: datetime
    frozen: Mapping[str, Any] | None
    """What an earlier attempt fixed before sending; a repeat must do exactly this."""
    text: str = ""
    """Of an edit: what the message is to say, as its editor typed it."""
