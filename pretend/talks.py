"""Private messages as Meta's Graph has them: conversations of a Page and of a professional account, the Send API, and their notices.

Owns who said what to whom, the time in which an answer is taken, and who is blocked. Only the newest twenty messages of a conversation can be
looked at; of an older one it is said that it is not there. Errors are told by `No`. Refuses to send anything to somebody who never wrote.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

SHOWN = 20

Tell = Callable[[str, dict[str, Any]], None]


class No(Exception):
    """An error by code and sub-code."""


@dataclass
class Talks:
    """All conversations of one Page and one account. Times are the clock's."""

    clock: Callable[[], datetime]
    owners: Mapping[str, tuple[str, str]]
    """By platform: the id of ours, and our name there."""
    tell: Tell
    number: Callable[[], int]
    said: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    """By platform and person, the oldest first."""
    human_agent: bool = False
    """Whether the app may use that tag."""
    blocked: set[str] = field(default_factory=set)
    """By the Page."""
    left: set[str] = field(default_factory=set)
    """Who wants no word of ours any more."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    """What the Send API was asked for."""

    def person(self, by: str) -> str:
        """The id that the network gives somebody for us."""
        return f"690000{sum(by.encode()):06d}"

    def message(
        self, text: str | None, *, by: str = "mira", to: str = "", platform: str = "messenger", quiet: bool = False, **other: Any
    ) -> str:  # fmt: skip
        """Somebody writes to us; or with `to`, we to them, in the network's own app."""
        person = self.person(to or by)
        name = {"id": person, "name": by.title(), **({"username": by} if platform == "instagram" else {})}
        return self._say(
            platform, person, name if not to else self._us(platform), text, quiet=quiet, echo=bool(to), other=other
        )

    def _us(self, platform: str) -> dict[str, Any]:
        own, name = self.owners[platform]
        return {"id": own, "username" if platform == "instagram" else "name": name}

    def _say(
        self, platform: str, person: str, sender: Mapping[str, Any], text: str | None, *, quiet: bool, echo: bool, other: Mapping[str, Any]
    ) -> str:  # fmt: skip
        made = f"m_{platform[0]}{self.number()}-x"
        row = {
            "id": made,
            "message": text or "",
            "from": dict(sender),
            "created_time": self._now(),
            "_other": dict(other),
        }
        self.said.setdefault((platform, person), []).append(row)
        if not quiet:
            told = {
                "mid": made,
                **({"text": text} if text is not None else {}),
                **({"is_echo": True} if echo else {}),
                **other,
            }
            self._event(platform, person, echo, {"message": told})
        return made

    def edit(self, external_id: str, text: str, *, turn: int = 1, quiet: bool = False) -> None:
        """Its writer changes it."""
        (platform, person), row = self._found(external_id)
        row["message"] = text
        if not quiet:
            self._event(platform, person, False, {"message_edit": {"mid": external_id, "text": text, "num_edit": turn}})

    def unsend(self, external_id: str, *, quiet: bool = False) -> None:
        """Its writer takes it back."""
        place, row = self._found(external_id)
        self.said[place].remove(row)
        if not quiet:
            self._event(*place, False, {"message": {"mid": external_id, "is_deleted": True}})

    def noise(self, platform: str = "messenger", by: str = "mira") -> None:
        """What is told beside messages."""
        person = self.person(by)
        for told in (
            {"read": {"watermark": 1}},
            {"delivery": {"mids": ["m_1"]}},
            {"reaction": {"mid": "m_1", "action": "react"}},
        ):
            self._event(platform, person, False, told)
        self._event(platform, person, False, {"postback": {"payload": "START", "title": "Get started"}})

    def _event(self, platform: str, person: str, echo: bool, told: Mapping[str, Any]) -> None:
        own = self.owners[platform][0]
        sender, recipient = ({"id": own}, {"id": person}) if echo else ({"id": person}, {"id": own})
        at = int(self.clock().timestamp() * 1000)
        event = {"sender": sender, "recipient": recipient, "timestamp": at, **told}
        self.tell("page" if platform == "messenger" else "instagram", {"id": own, "time": at, "messaging": [event]})

    def _found(self, external_id: str) -> tuple[tuple[str, str], dict[str, Any]]:
        return next((place, row) for place, rows in self.said.items() for row in rows if row["id"] == external_id)

    def _now(self) -> str:
        return self.clock().strftime("%Y-%m-%dT%H:%M:%S+0000")

    # The wire

    def conversations(self, asked: Mapping[str, str]) -> dict[str, Any]:
        """`/{page}/conversations`, those first in which something was said last."""
        platform, person = asked.get("platform", "messenger"), asked.get("user_id", "")
        places = [place for place in self.said if place[0] == platform and person in {"", place[1]}]
        places.sort(key=lambda place: self.said[place][-1]["created_time"] if self.said[place] else "", reverse=True)
        rows = []
        for place in places:
            newest = self.said[place][-1:]
            shown: dict[str, Any] = {
                "id": self.id_of(place),
                "updated_time": newest[0]["created_time"] if newest else self._now(),
            }
            others = [{"id": place[1]}, self._us(platform)]
            rows.append({**shown, "participants": {"data": others}, "messages": self._messages(place, asked["fields"])})
        return {"data": rows}

    def conversation(self, external_id: str, fields: str) -> dict[str, Any]:
        """One conversation. KeyError: there is none."""
        place = next((place for place in self.said if self.id_of(place) == external_id), None)
        if place is None:
            raise KeyError(external_id)
        return {"id": external_id, "messages": self._messages(place, fields)}

    def one(self, external_id: str) -> dict[str, Any]:
        """One message. KeyError: it is not there, or is older than those that are shown."""
        for place, rows in self.said.items():
            for row in rows[-SHOWN:]:
                if row["id"] == external_id:
                    return self._shown(place, row)
        raise KeyError(external_id)

    def _messages(self, place: tuple[str, str], fields: str) -> dict[str, Any]:
        most = 1 if "limit(1)" in fields else SHOWN
        return {"data": [self._shown(place, row) for row in reversed(self.said[place][-most:])]}

    def _shown(self, place: tuple[str, str], row: Mapping[str, Any]) -> dict[str, Any]:
        own = self.owners[place[0]][0]
        to = {"data": [{"id": place[1]} if row["from"]["id"] == own else self._us(place[0])]}
        attached = [{"mime_type": f"{one['type']}/x"} for one in row["_other"].get("attachments", ())]
        extra = {"attachments": {"data": attached}} if attached else {}
        broken = {"message": row["_other"]["broken"]} if "broken" in row["_other"] else {}
        return {**{name: row[name] for name in ("id", "message", "from", "created_time")}, "to": to, **extra, **broken}

    def id_of(self, place: tuple[str, str]) -> str:
        """What a conversation is called."""
        return f"t_{place[0][0]}{place[1]}"

    def send(self, platform: str, asked: Mapping[str, str]) -> dict[str, Any]:
        """`/{page}/messages` to a person."""
        person, text = json.loads(asked["recipient"])["id"], json.loads(asked["message"])["text"]
        self.sent.append(
            {name: asked[name] for name in ("messaging_type", "tag") if name in asked} | {"to": person, "text": text}
        )
        rows = self.said.get((platform, person))
        if rows is None:
            raise No(100, 2018001)
        if person in self.left:
            raise No(551)
        theirs = [datetime.fromisoformat(row["created_time"]) for row in rows if row["from"]["id"] == person]
        tagged = asked.get("messaging_type") == "MESSAGE_TAG" and asked.get("tag") == "HUMAN_AGENT"
        window = timedelta(days=7) if tagged and self.human_agent else timedelta(hours=24)
        if not theirs or self.clock() - max(theirs) > window:
            raise No(10, 2018278 if platform == "messenger" else 2534022)
        made = self._say(platform, person, self._us(platform), text, quiet=False, echo=True, other={})
        return {"recipient_id": person, "message_id": made}

    def aside(self, platform: str, person: str, text: str) -> str:
        """A public comment is answered in private: it stands in the conversation with whoever wrote it."""
        return self._say(platform, person, self._us(platform), text, quiet=False, echo=True, other={})
