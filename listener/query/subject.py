"""What a query is judged on: one mention, what was thought of it, and its conversation. Owns this shape; refuses to judge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from listener.model.heard import Mention
from listener.model.kinds import Kind
from listener.model.scales import Priority, ToneLabel
from listener.model.work import State
from listener.query import words
from listener.query.words import Words


@dataclass(eq=False)
class Subject:
    """A message with all that is known about it here. None: not known; a field whose value is not known does not match.

    Never changed once it is made; not frozen all the same, because one is made for every message, and frozen costs four times as much.
    """

    text: str = ""
    source: str = ""
    kind: Kind | None = Kind.POST
    author_handle: str = ""
    author_id: str = ""
    followers: float | None = None
    verified: bool | None = None
    hashtags: tuple[str, ...] = ()
    """Hashtags outside the text."""
    links: tuple[str, ...] = ()
    """Full addresses."""
    media: int = 0
    url: str = ""
    """Its own address."""
    parent: str | None = None
    root: str | None = None
    at: datetime | None = None
    """When it was said: by the network's clock, never later than heard."""
    minute: int | None = None
    """Where `at` is not known: the minute of the day (UTC) when it was said, as a row of a file may state it."""
    rating: float | None = None
    likes: float | None = None
    reposts: float | None = None
    replies: float | None = None
    quotes: float | None = None
    ours: bool = False
    addressed: bool | None = None
    """It addresses an account of ours."""
    accounts: frozenset[str] | None = None
    """Handles of the accounts of ours that it addresses."""
    lang: str | None = None
    tone: ToneLabel | None = None
    compound: float | None = None
    about: ToneLabel | None = None
    """The tone of the sentences that name us; of the whole where no part does."""
    need: float | None = None
    topics: frozenset[str] | None = None
    rules: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    state: State | None = None
    priority: Priority | None = None
    assignee: str | None = None
    """A login; "" for nobody."""
    team: str | None = None
    unread: bool | None = None
    me: str = ""
    """Who asks, for assignee:me."""
    labels: frozenset[str] | None = None
    """Those of whoever asks."""
    stated: frozenset[str] = frozenset()
    """Facts that a row of a file states outright: 'is:question', 'has:link'."""

    @classmethod
    def of(
        cls,
        mention: Mention,
        *,
        at: datetime | None = None,
        ours: bool = False,
        addressed: bool | None = None,
        accounts: frozenset[str] | None = None,
        followers: float | None = None,
        verified: bool | None = None,
        lang: str | None = None,
        tone: ToneLabel | None = None,
        compound: float | None = None,
        about: ToneLabel | None = None,
        topics: frozenset[str] | None = None,
        rules: frozenset[str] | None = None,
    ) -> Subject:
        """A mention, before or after something was thought of it. `at`: when it counts as said, else the network's time."""
        return cls(
            text=mention.text,
            source=mention.source,
            kind=mention.kind,
            author_handle=mention.author.handle,
            author_id=mention.author.external_id,
            followers=followers,
            verified=verified,
            hashtags=mention.tags,
            links=mention.links,
            media=mention.media,
            url=mention.url,
            parent=mention.parent,
            root=mention.root,
            at=at or mention.network_at,
            rating=mention.rating,
            likes=mention.likes,
            reposts=mention.reposts,
            replies=mention.replies,
            quotes=mention.quotes,
            ours=ours,
            addressed=addressed,
            accounts=accounts,
            lang=lang,
            tone=tone,
            compound=compound,
            about=about,
            topics=topics,
            rules=rules,
        )

    @cached_property
    def words(self) -> Words:
        """The text cut into words, once."""
        return words.segment(self.text)

    @cached_property
    def carried_tags(self) -> frozenset[str]:
        """Hashtags outside the text, as signs."""
        return frozenset(form for tag in self.hashtags for form in words.tag_forms(tag))
