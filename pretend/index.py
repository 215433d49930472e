"""What an AppView derives from the commits: who is notified, who answered what, what was liked, who blocks whom.

It watches the world and can be rebuilt from it at any time. It refuses to write: nothing here is the truth.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from pretend.lexicon import mentioned_dids, quoted_uri, reply_uri
from pretend.repo import Change, Entry, Status, World
from pretend.settings import Settings
from pretend.wire import BLOCK, FOLLOW, GATE, LIKE, POST, REPOST, Json, repo_of

NOTIFY_HEIGHT = 5  # a reply is told to the authors of this many posts above it, as the AppView does


@dataclass(frozen=True, slots=True)
class Notice:
    """One line in somebody's notifications; the record itself is looked up when it is shown."""

    entry: Entry
    reason: str
    subject: str | None

    @property
    def at_us(self) -> int:
        """Its `indexedAt`. A post that claims to be older than it is counts as old, as on the real network."""
        return self.entry.sort_us


class Index:
    """Derived tables, kept by watching `World`."""

    def __init__(self, world: World, settings: Settings) -> None:
        self._world = world
        self._settings = settings
        self._told_so_far = 0
        self._notices: dict[str, dict[str, Notice]] = defaultdict(dict)  # did -> uri -> notice
        self._told: dict[str, set[str]] = defaultdict(set)  # uri -> the dids that were told of it
        self.replies: dict[str, dict[str, Entry]] = defaultdict(dict)  # parent uri -> uri -> reply
        self.likes: dict[str, set[str]] = defaultdict(set)  # subject uri -> uris of the likes
        self.reposts: dict[str, set[str]] = defaultdict(set)
        self.quotes: dict[str, set[str]] = defaultdict(set)
        self.followers: dict[str, set[str]] = defaultdict(set)  # did -> uris of the follows
        self._blocks: dict[str, dict[str, str]] = defaultdict(dict)  # did -> uri of the block -> blocked did
        world.watchers.append(self._watch)

    def _watch(self, change: Change) -> None:
        if change.before is not None:
            self._forget(change.entry, change.before)
            for did in self._told.pop(change.entry.uri, ()):
                self._notices[did].pop(change.entry.uri, None)
        if change.entry.record is not None:
            self._learn(change.entry, change.entry.record)
            self._notify(change.entry, change.entry.record)

    def _learn(self, entry: Entry, record: Json) -> None:
        if entry.collection == POST:
            parent, quoted = reply_uri(record, "parent"), quoted_uri(record)
            if parent:
                self.replies[parent][entry.uri] = entry
            if quoted:
                self.quotes[quoted].add(entry.uri)
        elif entry.collection in (LIKE, REPOST):
            table = self.likes if entry.collection == LIKE else self.reposts
            table[_subject_uri(record)].add(entry.uri)
        elif entry.collection == FOLLOW:
            self.followers[str(record.get("subject"))].add(entry.uri)
        elif entry.collection == BLOCK:
            self._blocks[entry.did][entry.uri] = str(record.get("subject"))

    def _forget(self, entry: Entry, record: Json) -> None:
        if entry.collection == POST:
            self.replies[reply_uri(record, "parent") or ""].pop(entry.uri, None)
            self.quotes[quoted_uri(record) or ""].discard(entry.uri)
        elif entry.collection in (LIKE, REPOST):
            table = self.likes if entry.collection == LIKE else self.reposts
            table[_subject_uri(record)].discard(entry.uri)
        elif entry.collection == FOLLOW:
            self.followers[str(record.get("subject"))].discard(entry.uri)
        elif entry.collection == BLOCK:
            self._blocks[entry.did].pop(entry.uri, None)

    def notices(self, did: str) -> list[Notice]:
        """Somebody's notifications, newest first by their `indexedAt`."""
        return sorted(self._notices[did].values(), key=_age, reverse=True)

    def blocked(self, one: str, other: str) -> bool:
        """Whether either of the two blocks the other."""
        return other in self._blocks[one].values() or one in self._blocks[other].values()

    def blocks(self, by: str, whom: str) -> list[str]:
        """The records by which one blocks the other."""
        return [uri for uri, blocked in self._blocks[by].items() if blocked == whom]

    def blockers(self, did: str) -> set[str]:
        """Who blocks this one."""
        return {by for by, blocked in self._blocks.items() if did in blocked.values()}

    def _notify(self, entry: Entry, record: Json) -> None:
        told = self._told[entry.uri]

        def tell(did: str, reason: str, subject: str | None) -> None:
            if did and did != entry.did and did not in told:
                told.add(did)
                self._told_so_far += 1
                if self._settings.lost_notices and self._told_so_far % self._settings.lost_notices == 0:
                    return
                self._notices[did][entry.uri] = Notice(entry, reason, subject)

        if entry.collection in (LIKE, REPOST):
            subject = _subject_uri(record)
            tell(repo_of(subject), "like" if entry.collection == LIKE else "repost", subject)
        elif entry.collection == FOLLOW:
            tell(str(record.get("subject")), "follow", None)
        elif entry.collection == POST:
            for did in mentioned_dids(record):
                tell(did, "mention", None)
            quoted = quoted_uri(record)
            if quoted:
                tell(repo_of(quoted), "quote", quoted)
            if not self.gated(reply_uri(record, "root"), entry.did):
                for ancestor in self._ancestors(record):
                    tell(repo_of(ancestor), "reply", ancestor)

    def _ancestors(self, record: Json) -> list[str]:
        found: list[str] = []
        uri = reply_uri(record, "parent")
        while uri and len(found) < NOTIFY_HEIGHT:
            found.append(uri)
            above = self._world.at(uri)
            uri = reply_uri(above.record, "parent") if above is not None and above.record is not None else None
        return found

    def gated(self, root: str | None, did: str) -> bool:
        """Whether the thread's owner closed it to this actor by a threadgate."""
        owner = repo_of(root)
        if not root or not owner or owner == did:
            return False
        gate = self._world.entry(owner, GATE, root.rsplit("/", 1)[-1])
        allow = gate.record.get("allow") if gate is not None and gate.record is not None else None
        if not isinstance(allow, list):
            return False
        kinds = {str(rule.get("$type", "")) for rule in allow if isinstance(rule, dict)}
        opener = self._world.at(root)
        named = opener is not None and opener.record is not None and did in mentioned_dids(opener.record)
        return not (named and any(kind.endswith("#mentionRule") for kind in kinds))

    def shown(self, uri: str, now_us: int) -> Entry | None:
        """The post at this address as the AppView has it: there, its author active, and indexed by now."""
        entry = self._world.at(uri)
        if entry is None or entry.record is None or entry.collection != POST or entry.first_us > now_us:
            return None
        author = self._world.find(entry.did)
        return entry if author is not None and author.status is Status.ACTIVE else None


def _age(notice: Notice) -> tuple[int, int]:
    return notice.at_us // 1000, notice.entry.first_us


def _subject_uri(record: Json) -> str:
    subject = record.get("subject")
    return str(subject.get("uri", "")) if isinstance(subject, dict) else ""
