"""Who may read a message, and an answer to it, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.model.kinds import Audience, Kind

if TYPE_CHECKING:
    from inbox_tui.view.lines import Line, Piece

_READ = {
    Audience.UNLISTED: "unlisted",
    Audience.FOLLOWERS: "only followers may read it",
    Audience.MEMBERS: "only who is in the chat may read it",
    Audience.SOME: "not everybody may read it",
}

_WRITTEN = {
    Audience.PUBLIC: ("PUBLIC reply", "everybody can read it"),
    Audience.UNLISTED: ("PUBLIC reply", "unlisted as what it answers; everybody can read it"),
    Audience.FOLLOWERS: ("FOLLOWERS-ONLY reply", "our followers and who is named can read it, nobody else"),
    Audience.MEMBERS: ("reply IN THE CHAT", "everybody in it can read it"),
    Audience.SOME: ("reply TO SOME", "who may read what it answers, by its network's word, can read it"),
}


def parts(audience: Audience, kind: Kind) -> list[Line]:
    """Beside a message; none where everybody may read it, as of most."""
    if kind is Kind.DM:
        return [(("private message", "note"),)]
    return [((_READ[audience], "note"),)] if audience in _READ else []


def reply_pieces(audience: Audience, *, private: bool) -> tuple[Piece, str]:
    """How public an answer will be: the loud words, and who can read it."""
    if private:
        return ("PRIVATE reply", "soon"), "only they can read it"
    loud, who = _WRITTEN[audience]
    return (loud, "bad"), who


def written(audience: Audience, *, private: bool) -> list[Line]:
    """Who can read an answer, where that is not simply everybody: it has to be seen also where the line above the draft is cut."""
    return [] if private or audience is Audience.PUBLIC else [((_WRITTEN[audience][1], "soon"),)]


def plainly(audience: Audience, *, private: bool) -> str:
    """The same in a sentence."""
    if private:
        return "private"
    return _READ.get(audience, "public")
