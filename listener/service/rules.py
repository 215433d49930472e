"""The rulebook in force, and what is made of it: who hears what, and the judge. Owns loading, reloading and falling back.

A bad file never replaces a good rulebook: at a save the last good one stays; at the start the one last published in the database judges,
else the shipped one. Either way the problems are told, with file, line and column. Refuses to judge a single message itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from listener import rulefiles
from listener.assess import Judge, Methods, topics_of
from listener.errors import FixMe
from listener.language import Languages
from listener.model.accounts import Account
from listener.model.heard import Batch, Hearing, Mention
from listener.model.problems import Problem
from listener.query.frequency import Sample
from listener.rulebook.check import check
from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from listener.rulebook.subject import Topics
from listener.rulebook.track import with_track
from listener.sentiment import Vader
from listener.service.beside import Beside
from listener.service.database import House
from listener.service.hearing import Hearer
from listener.service.stopping import Stop, Stopped
from listener.service.tones import load_tones
from listener.settings import Settings, ToneSettings
from listener.store import learned, rulebooks
from listener.store.record import Hear

log = logging.getLogger("hubbub.rules")

WEIGH_SECONDS = 60.0
LOOK_SECONDS = 600.0
"""Between looks at what was learned, should a bell have been missed."""
FIRST_WEIGHED = 500
"""Texts whose words were counted before the indexes are made anew by what was counted; then whenever they are twice as many."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One rulebook with the accounts of now: immutable, swapped whole."""

    rulebook: Rulebook
    hearer: Hearer
    judge: Judge
    heard: Sample
    """The words of what concerns anybody are noted here."""
    brands: Mapping[int, str] = field(default_factory=dict)
    """Their keys."""
    beside: Beside | None = None
    """What finds the tone of texts that a model is asked about; None: no language has one."""

    def hear(self, mention: Mention) -> Sequence[Hearing]:
        """How a message concerns whom."""
        found = self.hearer.hear(mention)
        if found:
            self.heard.hear(mention.text)
        return found

    async def prepared(self, batch: Batch, hear: Hear | None = None) -> Judge:
        """What judges this batch: it thinks as `judge` does, and has at hand what takes long. Nothing waits but the batch.

        `hear`: how its messages concern whom, where that is asked otherwise. Raises Stopped when the service ends meanwhile.
        """
        if self.beside is None:
            return self.judge
        return await self.beside.prepared(
            self.judge, batch, hear or self.hearer.hear, self.brands, self.hearer.accounts
        )


def load_methods(tones: Sequence[ToneSettings] = ()) -> Methods:
    """The language finder and the tone scorer, with their tables read from the disk, and models of tone. FixMe: one of those cannot be used."""
    return Methods(Languages.load(), Vader.load(), tones=load_tones(tones))


def folder_of(settings: Settings) -> Path:
    """Where these settings keep their rules."""
    return settings.rules or rulefiles.default_folder()


def prepare_for(settings: Settings) -> Callable[[Mapping[str, str]], Mapping[str, str]] | None:
    """What is done to the files before they are read: tracked words become topics."""
    if not settings.track:
        return None
    return lambda files: with_track(files, settings.track)


@dataclass(slots=True)
class Bench:
    """Where judgement sits: always one `Judgement`, `now`; streams and loops ask for it anew with every batch."""

    settings: Settings
    house: House
    stop: Stop
    clock: Callable[[], datetime]
    _now: Judgement | None = None
    _methods: Methods | None = None
    _beside: Beside | None = None
    _brand_ids: Mapping[str, int] = field(default_factory=dict)
    _accounts: Sequence[Account] = ()
    _said: Sample = field(default_factory=lambda: Sample(64))
    """Of all that goes by, for the topics,"""
    _judged: Sample = field(default_factory=lambda: Sample(8))
    """and of what concerns us, for the rules: nearly all of it names the brand."""

    @property
    def now(self) -> Judgement:
        """What judges now. Only after `start`."""
        assert self._now is not None, "start the bench first"  # noqa: S101
        return self._now

    async def start(self, brand_ids: Mapping[str, int], accounts: Sequence[Account], *, stored: bool = False) -> None:
        """Loads methods and rules, and publishes them. `stored`: take what the database has in force, if anything.

        FixMe: no rules at all, or a model of tone that cannot be used.
        """
        self._brand_ids, self._accounts = brand_ids, accounts
        self._methods = await asyncio.to_thread(load_methods, self.settings.tones)
        self._beside = Beside(self.house, self.stop) if self._methods.tones else None
        await self._learned()
        if stored and (book := await self._published()) is not None:
            self._seat(book)
            return
        loaded = await asyncio.to_thread(self._load)
        if isinstance(loaded, Rulebook):
            await self._accept(loaded)
            return
        await self._refuse(loaded)
        book = await self._published()
        if book is not None:
            log.warning("the rulebook last published judges: %s", book.hash[:12])
            self._seat(book)
            return
        shipped = rulefiles.load(rulefiles.default_folder(), prepare_for(self.settings))
        if not isinstance(shipped, Rulebook):
            raise FixMe("the shipped rules are broken", where=str(shipped[0]), hint="install Hubbub again")
        log.warning("the shipped rules judge: %s", shipped.hash[:12])
        await self.house.persistently(
            lambda: rulebooks.publish(self.house.pool, shipped.hash, shipped.files, "", self.clock(), shipped.approval),
            self.stop,
            "rules",
        )
        await self._refuse(loaded)
        self._seat(shipped)

    async def watch(self) -> None:
        """Takes up every save, until the service ends."""
        folder = folder_of(self.settings)

        async def follow() -> None:
            async for loaded in rulefiles.watch(folder, prepare_for(self.settings), known=self.now.rulebook.hash):
                await self._taken(await asyncio.to_thread(self._tried, loaded))

        with contextlib.suppress(Stopped):
            await self.stop.unless(follow())

    async def follow(self, bell: asyncio.Event) -> None:
        """Takes up what is learned, switched and forgotten, whoever did it, until the service ends. `bell` rings when anything of it changed."""
        with contextlib.suppress(Stopped):
            while True:
                await self.stop.wakened(bell, LOOK_SECONDS)
                if await self._learned():
                    before = self.now
                    made = await asyncio.to_thread(self._made, before.rulebook)
                    if self._now is before:  # else it was made anew with it
                        self._now = made

    async def _learned(self) -> bool:
        """Has what teams have taught at hand; whether that is other than before."""
        assert self._methods is not None  # noqa: S101
        versions = await self.house.persistently(
            lambda: learned.in_force(self.house.pool), self.stop, "what was learned"
        )
        if set(versions.values()) == set(self._methods.models):
            return False
        missing = set(versions.values()) - set(self._methods.models)
        models = await self.house.persistently(
            lambda: learned.numbers(self.house.pool, missing), self.stop, "what was learned"
        )
        known = {**self._methods.models, **models}
        kept = {version: known[version] for version in sorted(set(versions.values())) if version in known}
        if kept == self._methods.models:
            return False
        self._methods = replace(self._methods, models=kept)
        return True

    async def weigh(self) -> None:
        """Has queries looked up by the words that are rare here, as soon as that is known, and again as more is; until the service ends."""
        after = FIRST_WEIGHED
        with contextlib.suppress(Stopped):
            while True:
                await self.stop.pause(WEIGH_SECONDS)
                taken = self._said.taken + self._judged.taken
                if taken >= after:
                    after = 2 * taken
                    await self._weighed()

    async def _weighed(self) -> None:
        before = self.now
        made = await asyncio.to_thread(self._made, before.rulebook)
        if self._now is before:  # else it was weighed while it was made
            self._now = made

    def know(self, accounts: Sequence[Account]) -> None:
        """Other accounts of ours from now on."""
        self._accounts = accounts
        if self._now is not None:
            self._seat(self._now.rulebook)

    def wanted(self, mention: Mention) -> bool:
        """Whether anybody is concerned, by the rulebook of now."""
        self._said.hear(mention.text)
        return self.now.hearer.wanted(mention)

    async def _taken(self, loaded: rulefiles.Loaded) -> None:
        if isinstance(loaded, Rulebook):
            await self._accept(loaded)
        else:
            await self._refuse(loaded)

    def _load(self) -> rulefiles.Loaded:
        return self._tried(rulefiles.load(folder_of(self.settings), prepare_for(self.settings)))

    def _tried(self, loaded: rulefiles.Loaded) -> rulefiles.Loaded:
        """A rulebook whose own examples do not come out as they say is refused like one that cannot be read."""
        if isinstance(loaded, Rulebook) and self._methods is not None:
            problems = check(loaded, self._methods, self.clock()).problems
            return list(problems) if problems else loaded
        return loaded

    async def _published(self) -> Rulebook | None:
        found = await self.house.persistently(lambda: rulebooks.in_force(self.house.pool), self.stop, "rules")
        if found is None:
            return None
        loaded = await asyncio.to_thread(parse, found.files)
        return loaded if isinstance(loaded, Rulebook) else None

    async def _accept(self, book: Rulebook) -> None:
        git = await asyncio.to_thread(rulefiles.revision, folder_of(self.settings), book.files)
        # What takes long is done beside the streams, and before anybody is told that it judges; again where our accounts change meanwhile.
        accounts = self._accounts
        made = await asyncio.to_thread(self._made, book)

        def seat() -> None:
            self._now = made

        pool, approval = self.house.pool, book.approval
        await self.house.persistently(
            lambda: rulebooks.publish(pool, book.hash, book.files, git, self.clock(), approval, seat),
            self.stop,
            "rules",
        )
        while accounts is not self._accounts:
            accounts = self._accounts
            self._now = await asyncio.to_thread(self._made, book)
        known = f"{book.hash[:12]} (git {git})" if git else book.hash[:12]
        log.info("rulebook %s judges: %d topics, %d rules", known, len(book.topics), len(book.rules))
        for warning in book.warnings:
            log.warning("rules: %s", warning)

    async def _refuse(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            log.error("rules: %s", problem)
        in_force = self._now.rulebook.hash if self._now is not None else None
        await self.house.persistently(
            lambda: rulebooks.health(self.house.pool, problems, in_force, self.clock()), self.stop, "rules"
        )

    def _seat(self, book: Rulebook) -> None:
        self._now = self._made(book)

    def _made(self, book: Rulebook) -> Judgement:
        assert self._methods is not None  # noqa: S101
        topics: dict[int, Topics] = {
            number: topics_of(book, key, self.clock, self._said.share) for key, number in self._brand_ids.items()
        }
        book = replace(book, share=self._judged.share)
        judge = Judge(book, self._methods.with_lexicon(book.lexicon), self.clock)
        brands = {number: key for key, number in self._brand_ids.items()}
        return Judgement(book, Hearer(self._accounts, topics), judge, self._judged, brands, self._beside)
