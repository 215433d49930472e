"""How a message concerns whom: which accounts of ours it addresses, which topics it is about. Owns `Via`; pure, asked for every item.

An account is addressed when the message names it in its markup, answers or quotes something of its, or stands in a thread that it
began: never by a guess from the text. Refuses to look anything up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from listener.model.accounts import Account
from listener.model.heard import Hearing, Mention
from listener.model.kinds import Kind, Via
from listener.rulebook.subject import Topics
from listener.sources.base import private_space


@dataclass(frozen=True, slots=True)
class Hearer:
    """One brand's or many brands' ears: accounts by their id on the network, and each brand's topics."""

    accounts: Sequence[Account]
    topics: Mapping[int, Topics]
    _handles: Mapping[int, str] = field(init=False, repr=False)
    _by_author: Mapping[tuple[str, str], tuple[Account, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_handles", {account.id: account.handle for account in self.accounts})
        grouped: dict[tuple[str, str], tuple[Account, ...]] = {}
        for account in self.accounts:
            for space in (account.space, private_space(account.space, account.external_id)):
                key = (space, account.external_id)
                grouped[key] = (*grouped.get(key, ()), account)
        object.__setattr__(self, "_by_author", grouped)

    def hear(self, mention: Mention) -> tuple[Hearing, ...]:
        """All the ways in which it concerns anybody; empty: nobody. A post of ours is heard as our own by its brands, and not as a topic."""
        if own := self.own(mention):
            return own
        found = dict.fromkeys(self._addressed(mention))
        handles: dict[int, list[str]] = {}
        for one in found:
            handles.setdefault(one.brand_id, []).append(self._handles[one.account_id])
        for brand_id, topics in self.topics.items():
            # A private message is its account's affair: what another brand listens for does not open it to them.
            if mention.kind is Kind.DM and brand_id not in handles:
                continue
            for topic in topics(mention, handles.get(brand_id, ())):
                found[Hearing(brand_id, Via.TOPIC, topic=topic)] = None
        return tuple(found)

    def own(self, mention: Mention) -> tuple[Hearing, ...]:
        """That it is a post of ours, for each brand whose account wrote it."""
        accounts = self._by_author.get((mention.author.space, mention.author.external_id), ())
        return tuple(Hearing(account.brand_id, Via.OWN, account_id=account.id) for account in accounts)

    def wanted(self, mention: Mention) -> bool:
        """Whether anybody is concerned: the quick question, asked of every post of the whole network."""
        return bool(self.hear(mention))

    def _addressed(self, mention: Mention) -> Iterable[Hearing]:
        if not self._by_author:
            return
        space = mention.key.space
        if mention.kind is Kind.DM:
            # The message's space may be the account's own; people's never is.
            for account_id in mention.named:
                yield from self._hearings(mention.author.space, account_id, Via.DM)
            return
        for reference in (mention.parent, mention.root):
            if reference is not None:
                yield from self._hearings(space, writer_of(reference), Via.REPLY)
        for account_id in mention.answers:
            yield from self._hearings(space, account_id, Via.REPLY)
        if mention.quoted is not None:
            yield from self._hearings(space, writer_of(mention.quoted), Via.QUOTE)
        for external_id in mention.named:
            yield from self._hearings(space, external_id, Via.MENTION)

    def _hearings(self, space: str, external_id: str, via: Via) -> Iterable[Hearing]:
        for account in self._by_author.get((space, external_id), ()):
            yield Hearing(account.brand_id, via, account_id=account.id)


def writer_of(message_id: str) -> str:
    """Who wrote a message, where its id says so (at-URIs do: at://did/collection/key); '' where it does not."""
    if not message_id.startswith("at://"):
        return ""
    return message_id[5:].partition("/")[0]


def context(hearer: Hearer, brand_id: int) -> Callable[[Mention], tuple[Hearing, ...]]:
    """Ears for what was fetched around a conversation: mere context, or our own. What calls for an answer, the streams will bring."""

    def hear(mention: Mention) -> tuple[Hearing, ...]:
        return hearer.own(mention) or (Hearing(brand_id, Via.THREAD),)

    return hear
