"""Load: any number of random posts per second, from a seed, with edits, deletes, threads, noise and nasty text.

The same seed gives the same people, texts and order of acts. What was emitted is in the ledger.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from pretend.stage import Stage
from pretend.wire import Json

PACE_SECONDS = 0.01
MAX_AT_ONCE = 500  # posts between two turns of the loop, however far behind

_SUBJECTS = ("my bill", "the router", "the app", "broadband", "roaming", "the hotline", "my parcel", "the Orbit", "5G")
_VERBS = (
    "is down",
    "works again",
    "was charged twice",
    "never arrived",
    "is great",
    "is too slow",
    "makes me so angry",
)
_TAILS = ("", " thanks!", " 😡😡", " any ideas?", " since this morning", " 👍🏽", " … again", " in the whole street")
_FOREIGN = (
    ("es", "otra vez sin internet, qué vergüenza"),
    ("de", "seit Stunden kein Netz, unmöglich"),
    ("fr", "toujours pas de réponse du service client"),
    ("ja", "また繋がらない…問い合わせても返事なし"),
    ("ar", "الإنترنت مقطوع منذ الصباح"),
    ("pt", "cobraram duas vezes na minha conta"),
)
_NASTY = (
    "\u001b[2J\u001b[1;31mred\u001b[0m",
    "zero\u200bwidth\u200djoined\ufeff",
    "\u202eright to left\u202c [bold]markup[/bold]",
    "nul \u0000 and bell \u0007",
    "Z̸̡̛͓͚a̷̰͊l̵͔̈g̶̳̑o̴͔͝ 👩‍👩‍👧‍👦 \u001b]8;;http://evil.test\u0007link\u001b]8;;\u0007",
)
_NOISE = ("lunch was nice", "watching the match", "new blog post is up", "rain again", "good morning", "cats > dogs")


@dataclass(frozen=True, slots=True)
class Plan:
    """How many posts, how fast, and what share of them is what. Shares are of all posts; the rest is mentions."""

    posts: int = 1000
    per_second: float = 200.0  # 0: as fast as possible
    seed: int = 1
    authors: int = 200
    noise: float = 0.2  # about something else entirely
    topic: float = 0.2  # names us without addressing us
    replies: float = 0.15  # answers something said earlier in the burst, or our own post
    edits: float = 0.05
    deletes: float = 0.05

    @classmethod
    def read(cls, value: Json) -> Plan:
        """A plan from its JSON object.

        Raises:
            ValueError: For unknown fields, wrong types and negative numbers.
        """
        for name, given in value.items():
            if name not in cls.__slots__:
                raise ValueError(f"unknown field {name!r}; there are {', '.join(cls.__slots__)}")
            whole = isinstance(getattr(cls(), name), int)
            if isinstance(given, bool) or not isinstance(given, int if whole else int | float) or given < 0:
                raise ValueError(f"{name} must be a number of at least 0, not {given!r}")
        return cls(**value)


@dataclass(slots=True)
class Burst:
    """One burst under way: what of it has happened."""

    plan: Plan
    posted: int = 0
    edited: int = 0
    deleted: int = 0
    done: bool = False

    def shown(self) -> Json:
        """Progress as JSON."""
        counts = {name: getattr(self, name) for name in ("posted", "edited", "deleted", "done")}
        return counts | {"posts": self.plan.posts, "seed": self.plan.seed}

    async def run(self, stage: Stage, our_handle: str, our_posts: list[str]) -> None:
        """Emit the whole plan at its pace. `our_posts` are posts of ours that people may answer."""
        chance = random.Random(self.plan.seed)
        loop = asyncio.get_running_loop()
        began, alive = loop.time(), list[str]()
        while self.posted < self.plan.posts:
            due = int((loop.time() - began) * self.plan.per_second) + 1 if self.plan.per_second else self.plan.posts
            for _ in range(min(due, self.plan.posts, self.posted + MAX_AT_ONCE) - self.posted):
                self._act(chance, stage, our_handle, our_posts, alive)
            await asyncio.sleep(PACE_SECONDS if self.plan.per_second else 0)
        self.done = True

    def _act(self, chance: random.Random, stage: Stage, us: str, our_posts: list[str], alive: list[str]) -> None:
        plan, text, langs = self.plan, self._text(chance), ("en",)
        if chance.random() < 0.1:
            lang, text = chance.choice(_FOREIGN)
            langs = (lang,)
        elif chance.random() < 0.05:
            text = chance.choice(_NASTY)
        kind, reply_to = chance.random(), None
        if kind < plan.noise:
            text = f"{chance.choice(_NOISE)} {self.posted}"
        elif kind < plan.noise + plan.topic:
            text = f"larkspur: {text} ({self.posted})"
        elif kind < plan.noise + plan.topic + plan.replies and (alive or our_posts):
            reply_to = (
                chance.choice(our_posts) if our_posts and chance.random() < 0.3 else chance.choice(alive or our_posts)
            )
            text = f"{text} ({self.posted})"
        else:
            text = f"@{us} {text} ({self.posted})"
        by = f"b{plan.seed}-{chance.randrange(max(1, plan.authors))}.test"
        alive.append(stage.post(by, text, reply_to=reply_to, langs=langs).uri)
        self.posted += 1
        if chance.random() < plan.edits:
            stage.edit(chance.choice(alive), f"edited: @{us} {text} #larkspur")
            self.edited += 1
        if chance.random() < plan.deletes:
            stage.delete(alive.pop(chance.randrange(len(alive))))
            self.deleted += 1

    @staticmethod
    def _text(chance: random.Random) -> str:
        return f"{chance.choice(_SUBJECTS)} {chance.choice(_VERBS)}{chance.choice(_TAILS)}"
