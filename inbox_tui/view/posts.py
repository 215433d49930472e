"""A post and its comments as lines: what it says, its numbers, how its comments stand. Owns the words for a comment's standing."""

from __future__ import annotations

from datetime import datetime, tzinfo

from inbox_tui.view import words
from inbox_tui.view.lines import Line, Piece, cut, flow, flow_parts, paragraphs, say, spread
from inbox_tui.view.queue import who
from listener.model.scales import ToneLabel
from listener.store.views.posts import CommentRow, CommentStanding, PostShown

LONGEST = 6
"""Lines of a post's text that are shown above its comments."""

_STANDING: dict[CommentStanding, Piece] = {
    CommentStanding.TO_ANSWER: ("● to answer", "soon"),
    CommentStanding.ANSWERED: ("✓ answered", "good"),
    CommentStanding.ASIDE: ("– put aside", "dim"),
    CommentStanding.ELSEWHERE: ("  not in the inbox", "dim"),
    CommentStanding.DELETED: ("× deleted", "gone"),
}


def post_lines(post: PostShown, now: datetime, zone: tzinfo | None, width: int) -> list[Line]:
    """The post, its numbers, and its comments counted."""
    lines: list[Line] = []
    if post.id is None or post.at is None:
        lines.extend(
            flow((("The post itself was never heard: only what others said under it is known.", "soon"),), width)
        )
    else:
        whose: Piece = ("our post", "ours") if post.ours else ("not our post", "dim")
        head: list[Line] = [((who(post.author_handle, post.author_name), "bold"),), (whose,)]
        head.append(((words.clock(post.at, now, zone), "dim"),))
        if post.media:
            head.append(((words.count(post.media, "attachment"), "dim"),))
        if post.version > 1:
            head.append((("edited", "note"),))
        lines.extend(flow_parts(head, width))
        lines.extend(_text(post, width))
        if numbers := _numbers(post):
            lines.extend(flow_parts(numbers, width))
    return [*lines, *flow_parts(_counted(post), width), *flow_parts(_tones(post), width)]


def _text(post: PostShown, width: int) -> list[Line]:
    if post.deleted:
        return [(("deleted on the network", "gone"),)]
    if post.text is None:
        return [((say(None), "gone"),)]
    lines = flow(paragraphs(post.text), width, indent="  ", hanging="  ")
    return lines if len(lines) <= LONGEST else [*lines[: LONGEST - 1], (("  …", "dim"),)]


def _numbers(post: PostShown) -> list[Line]:
    known = (
        (post.likes, "like", ""),
        (post.reposts, "repost", ""),
        (post.replies, "reply", "replies"),
        (post.quotes, "quote", ""),
    )
    told: list[Line] = [((words.count(n, one, many), ""),) for n, one, many in known if n is not None]
    return [*told, (("as the network told last", "dim"),)] if told else []


def _counted(post: PostShown) -> list[Line]:
    counts = post.counts
    if not counts.comments:
        return [(("no comments heard", "dim"),)]
    among = words.count(counts.comments, "comment")
    if counts.more:
        among = f"the newest {among}"
    parts: list[Line] = [((among, "bold"),)]
    for standing, n in counts.standing.items():
        if n or standing is CommentStanding.TO_ANSWER:
            style = _STANDING[standing][1] if n else "dim"
            parts.append(((f"{n:,} {standing.value}", style),))
    if counts.hidden:
        parts.append(((f"{counts.hidden:,} hidden", "note"),))
    return parts


def _tones(post: PostShown) -> list[Line]:
    tones = post.counts.tones
    named = (
        (ToneLabel.NEGATIVE, "negative", "bad"),
        (ToneLabel.NEUTRAL, "neutral", ""),
        (ToneLabel.POSITIVE, "positive", "good"),
    )
    parts: list[Line] = [((f"{tones[tone]:,} {name}", style if tones[tone] else "dim"),) for tone, name, style in named]
    if tones[ToneLabel.NOT_SCORED]:
        parts.append(((f"{tones[ToneLabel.NOT_SCORED]:,} not scored", "dim"),))
    return parts if any(tones.values()) else []


def comment_lines(row: CommentRow, width: int, now: datetime) -> tuple[Line, Line]:
    """One comment in two lines."""
    top: list[Piece] = [(who(row.author_handle, row.author_name), "bold")]
    hidden: Line = (("hidden  ", "note"),) if row.hidden else ()
    aside: Line = (*hidden, _STANDING[row.standing], (f"  {words.age(row.at, now)}", "dim"))
    second: list[Piece] = [("  ", ""), *words.judged_short(row.tone, row.need)]
    second.append((say(row.snippet), "gone" if row.snippet is None else ""))
    return spread(top, aside, width), cut(second, width)
