"""The key map, one table: every act, its keys, its words. Footer, help, palette and bindings are made from it; nothing else names a key.

A person's own keys (`view.keyfile`) make another table of the same acts; whoever shows keys is given the table in force.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

INBOX, LISTENING, COMPOSER, EVERYWHERE = "inbox", "listening", "composer", "everywhere"
SEARCHING, RULES, WHY = "search box", "rules", "why"
CARD = "author card"
SOURCES = "sources"
INCIDENTS = "incidents"
POST = "post"


@dataclass(frozen=True, slots=True)
class Key:
    """One act that a key does."""

    act: str
    """Name of the action, the same in the app, the screens and the palette."""
    keys: tuple[str, ...]
    """As Textual names them, the one to show first."""
    short: str
    """For the footer: one or two words."""
    words: str
    """For help and palette: what it does."""
    where: str
    group: str
    footer: bool = False
    writes: bool = False
    """Not offered in read-only mode."""


KEYS: tuple[Key, ...] = (
    # Moving
    Key("down", ("j", "down"), "down", "Next row", EVERYWHERE, "Move"),
    Key("up", ("k", "up"), "up", "Previous row", EVERYWHERE, "Move"),
    Key("page_down", ("pagedown", "ctrl+d"), "page", "One page down", EVERYWHERE, "Move"),
    Key("page_up", ("pageup", "ctrl+u"), "page", "One page up", EVERYWHERE, "Move"),
    Key("first", ("g", "home"), "top", "To the top, where new rows wait", EVERYWHERE, "Move"),
    Key("last", ("G", "end"), "end", "To the end", EVERYWHERE, "Move"),
    Key("open", ("enter", "right"), "open", "Open the row under the cursor", EVERYWHERE, "Move", footer=True),
    Key("back", ("escape", "left"), "back", "Back to the list", EVERYWHERE, "Move"),
    Key("jump", ("apostrophe",), "jump", "Jump: a letter on everything that can be gone to", EVERYWHERE, "Move"),
    Key("folders", ("f",), "folders", "To the folders", EVERYWHERE, "Move"),
    Key("folder('open')", ("1",), "Open", "Folder: Open", INBOX, "Folders"),
    Key("folder('mine')", ("2",), "Mine", "Folder: Mine", INBOX, "Folders"),
    Key("folder('theirs')", ("3",), "Theirs", "Folder: Waiting for them", INBOX, "Folders"),
    Key("folder('snoozed')", ("4",), "Snoozed", "Folder: Snoozed", INBOX, "Folders"),
    Key("folder('done')", ("5",), "Done", "Folder: Done", INBOX, "Folders"),
    Key("folder('approve')", ("6",), "To approve", "Folder: To approve (leads and admins)", INBOX, "Folders"),
    # Answering
    Key("reply", ("r",), "reply", "Write a reply (takes the conversation)", INBOX, "Answer", footer=True, writes=True),
    Key(
        "settle",
        ("x",),
        "settle",
        "Decide about a reply: to approve, planned, failed, stopped or lost",
        INBOX,
        "Answer",
        writes=True,
    ),
    Key(
        "take_back",
        ("z", "u"),
        "undo",
        "Take back what was done last: a reply that waits, or an act",
        EVERYWHERE,
        "Answer",
        True,
        True,
    ),
    Key("redo", ("ctrl+y",), "redo", "Do again what was undone last", EVERYWHERE, "Answer", writes=True),
    # Triage
    Key("close", ("e",), "close", "Close: nothing more to do", INBOX, "Triage", footer=True, writes=True),
    Key("close_next", ("E",), "close, next", "Close, and on to the one below", INBOX, "Triage", writes=True),
    Key("claim", ("c",), "claim", "Take it, or let it go", INBOX, "Triage", footer=True, writes=True),
    Key("assign", ("a",), "assign", "Give it to a person or a team", INBOX, "Triage", footer=True, writes=True),
    Key("tag", ("t",), "tag", "Put tags on; -tag takes one off", INBOX, "Triage", footer=True, writes=True),
    Key(
        "label",
        ("Y",),
        "label",
        "Labels of your own, that only you see; -label takes one off",
        INBOX,
        "Triage",
        writes=True,
    ),
    Key("priority", ("p",), "priority", "Set the priority", INBOX, "Triage", writes=True),
    Key("snooze", ("s",), "snooze", "Put it out of sight for a while", INBOX, "Triage", footer=True, writes=True),
    Key("note", ("n",), "note", "Write a note that only we see; @login asks a colleague", INBOX, "Triage", writes=True),
    Key("reopen", ("o",), "reopen", "Open it again", INBOX, "Triage", writes=True),
    Key(
        "macros", ("comma",), "macros", "Macros: several acts in one key, found by typing", INBOX, "Triage", writes=True
    ),
    Key("mark", ("space",), "mark", "Mark the row: acts then take all marked rows", INBOX, "Triage", writes=True),
    Key(
        "range",
        ("v",),
        "range",
        "Begin a range: moving marks; this or the mark key ends it",
        INBOX,
        "Triage",
        writes=True,
    ),
    Key(
        "all",
        ("asterisk",),
        "all",
        "Take all that the folder or view shows, also what is not loaded",
        INBOX,
        "Triage",
        writes=True,
    ),
    Key(
        "again",
        ("full_stop",),
        "again",
        "The last act once more, on this row or the marked ones",
        INBOX,
        "Triage",
        writes=True,
    ),
    Key("unmark", ("backslash",), "unmark", "Take all marks off", INBOX, "Triage", writes=True),
    Key(
        "take_in", ("i",), "to inbox", "Make a conversation of the mention and open it", LISTENING, "Triage", True, True
    ),
    # The shift
    Key(
        "hand_back", ("B",), "hand back", "Hand it back to its team: nobody's, and let go", INBOX, "Triage", writes=True
    ),
    Key("due", ("0",), "what is due", "To what the last warning was about", INBOX, "Shift"),
    Key("away", ("O",), "away", "Say that you are away, or back", INBOX, "Shift", writes=True),
    Key("hand_over", ("T",), "hand over", "Read what colleagues handed over, write your own", INBOX, "Shift"),
    # On the network, where it allows that
    Key("like", ("L",), "like", "Like a message on its network, or take the like back", INBOX, "Network", writes=True),
    Key("hide", ("H",), "hide", "Hide a comment under a post of ours, or show it again", INBOX, "Network", writes=True),
    Key(
        "delete",
        ("X",),
        "delete",
        "Delete what we wrote, or what others did under our post, on its network; asks first",
        INBOX,
        "Network",
        writes=True,
    ),
    Key(
        "edit", ("Q",), "edit", "Edit a reply that was sent, where its network allows it", INBOX, "Network", writes=True
    ),
    Key("private", ("I",), "private", "Write a reply that only its addressee can read", INBOX, "Network", writes=True),
    Key("block", ("K",), "block", "Block the author on their network, or unblock them", INBOX, "Network", writes=True),
    # Looking
    Key("asked", ("at",), "asked", "Read the notes in which colleagues ask you", INBOX, "Look"),
    Key("versions", ("V",), "versions", "What an edited message said before", INBOX, "Look"),
    Key("before_next", ("b",), "why here", "Why this row stands above the next one", INBOX, "Look"),
    Key("history", ("h",), "history", "Show or fold the history", INBOX, "Look"),
    Key("whole", ("w",), "whole", "The whole thread, or only what leads here", INBOX, "Look"),
    Key("yank", ("y",), "copy", "Copy: y t the message's text, y l its address, y i its id", EVERYWHERE, "Look"),
    Key("search", ("slash",), "search", "Search in the query language", EVERYWHERE, "Look", footer=True),
    Key("listening", ("l",), "listening", "Listening: the mentions of a topic", INBOX, "Look", footer=True),
    Key("inbox", ("l",), "inbox", "Inbox: the conversations", LISTENING, "Look", footer=True),
    Key("keep", ("S",), "keep", "Keep the search as a view", LISTENING, "Look", footer=True, writes=True),
    Key("forget", ("D",), "forget", "Delete the view that is shown", EVERYWHERE, "Look", writes=True),
    Key(
        "rules",
        ("R",),
        "rules",
        "The rules: what is in force, what is refused, what each is worth",
        EVERYWHERE,
        "Rules",
    ),
    Key(
        "why", ("W",), "why", "Why rules fired on the message, and why others did not", EVERYWHERE, "Rules", footer=True
    ),
    Key(
        "false_alarm", ("F",), "false alarm", "Say that a rule should not have fired", EVERYWHERE, "Rules", writes=True
    ),
    Key("confirm", ("C",), "right", "Say that a rule was right to fire", EVERYWHERE, "Rules", writes=True),
    Key(
        "overrule",
        ("J",),
        "judge",
        "Say yourself which tone it has, or whether it needs an answer",
        EVERYWHERE,
        "Rules",
        writes=True,
    ),
    Key("missed", ("M",), "missed", "Say which rule should have fired", EVERYWHERE, "Rules", writes=True),
    Key(
        "sort",
        ("s",),
        "sort",
        "Sort by what needs attention, by name, by hits, by last hit",
        RULES,
        "Rules",
        footer=True,
    ),
    Key("inbox", ("l",), "inbox", "Inbox: the conversations", RULES, "Rules", footer=True),
    # Sources
    Key(
        "sources",
        ("N",),
        "sources",
        "The sources: how each fares, what is missing, what is left of limits",
        EVERYWHERE,
        "Sources",
    ),
    Key(
        "pause_source",
        ("p",),
        "pause",
        "Pause the source, or let it go on (leads and admins)",
        SOURCES,
        "Sources",
        True,
        True,
    ),
    Key(
        "fill_gap",
        ("i",),
        "fill gap",
        "Have a gap filled, also one that was given up (leads and admins)",
        SOURCES,
        "Sources",
        True,
        True,
    ),
    Key(
        "read_again",
        ("e",),
        "read again",
        "Read again what could not be used (leads and admins)",
        SOURCES,
        "Sources",
        True,
        True,
    ),
    Key("inbox", ("l",), "inbox", "Inbox: the conversations", SOURCES, "Sources", footer=True),
    # Incidents
    Key(
        "incidents",
        ("number_sign",),
        "incidents",
        "The incidents: what stands, what made it, what became of it",
        EVERYWHERE,
        "Incidents",
    ),
    Key(
        "acknowledge",
        ("c",),
        "I have it",
        "Acknowledge: say that you know; nobody else is woken",
        INCIDENTS,
        "Incidents",
        True,
        True,
    ),
    Key("assign_incident", ("a",), "assign", "Give the incident to somebody", INCIDENTS, "Incidents", True, True),
    Key(
        "silence",
        ("s",),
        "silence",
        "Silence: nobody is told for a while; or end a silence",
        INCIDENTS,
        "Incidents",
        True,
        True,
    ),
    Key("note_incident", ("n",), "note", "Write a note on the incident", INCIDENTS, "Incidents", True, True),
    Key("resolve", ("e",), "resolve", "Resolve: it is over", INCIDENTS, "Incidents", True, True),
    Key(
        "its_conversations",
        ("i",),
        "conversations",
        "The open conversations of the messages that made it, in the Inbox",
        INCIDENTS,
        "Incidents",
        True,
    ),
    Key("its_messages", ("v",), "messages", "All messages that made it, in Listening", INCIDENTS, "Incidents", True),
    Key("zoom", ("w",), "nearer", "The curve of the day, or of the hours around it", INCIDENTS, "Incidents"),
    Key("write_report", ("x",), "report", "Write the report on it into a file", INCIDENTS, "Incidents", True),
    Key("inbox", ("l",), "inbox", "Inbox: the conversations", INCIDENTS, "Incidents", footer=True),
    Key("compact", ("m",), "compact", "One line a row, or two", EVERYWHERE, "Look"),
    Key("dark", ("d",), "theme", "The next theme: dark, light, both in high contrast", EVERYWHERE, "Look"),
    # Panes, and looking only
    Key(
        "fold_left", ("left_square_bracket",), "fold left", "Fold the pane at the left, or show it", EVERYWHERE, "Look"
    ),
    Key(
        "fold_right",
        ("right_square_bracket",),
        "fold right",
        "Fold the pane at the right, or show it",
        EVERYWHERE,
        "Look",
    ),
    Key("read_only", ("percent_sign",), "read-only", "Read-only, or not any more", EVERYWHERE, "Hubbub"),
    Key("command_palette", ("ctrl+p",), "palette", "All acts by name", EVERYWHERE, "Hubbub", footer=True),
    Key("help", ("question_mark",), "help", "This list", EVERYWHERE, "Hubbub", footer=True),
    Key("leave", ("q", "ctrl+q", "ctrl+c"), "quit", "Leave the inbox", EVERYWHERE, "Hubbub", footer=True),
    # Authors and spam
    Key("author", ("A",), "author", "The author: who they are, their past with us, our notes", INBOX, "Look"),
    Key(
        "mute",
        ("U",),
        "mute",
        "Mute the author for this brand, or unmute them; says what it does",
        INBOX,
        "Triage",
        writes=True,
    ),
    Key(
        "spam",
        ("exclamation_mark",),
        "spam",
        "Spam: close it and tag it; on a spam one, take that back",
        INBOX,
        "Triage",
        writes=True,
    ),
    Key("open_past", ("enter",), "open", "Open the conversation under the cursor", CARD, "Author", True),
    Key("card_note", ("n",), "note", "Write a note on the author that only we see", CARD, "Author", True, True),
    Key("card_mute", ("U",), "mute", "Mute the author, or unmute them", CARD, "Author", True, True),
    Key("card_undo", ("z",), "undo", "Undo the last act", CARD, "Author", True, True),
    Key("turn", ("tab",), "notes", "From the conversations to the author's lines, and back", CARD, "Author", True),
    Key("line_down", ("j", "down"), "down", "One line down", CARD, "Author"),
    Key("line_up", ("k", "up"), "up", "One line up", CARD, "Author"),
    Key("sheet_down", ("pagedown", "ctrl+d"), "page", "One page down", CARD, "Author"),
    Key("sheet_up", ("pageup", "ctrl+u"), "page", "One page up", CARD, "Author"),
    Key("close_card", ("escape", "q"), "leaves", "Leave it", CARD, "Author", True),
    # In the composer
    Key(
        "send",
        ("ctrl+s", "ctrl+enter"),
        "send",
        "Send: it waits a few seconds in which it can be taken back",
        COMPOSER,
        "Composer",
        True,
        True,
    ),
    Key(
        "send_close",
        ("ctrl+e",),
        "send and close",
        "Send, close the conversation, and on to the one below",
        COMPOSER,
        "Composer",
        True,
        True,
    ),
    Key(
        "ask_approval",
        ("ctrl+g",),
        "ask approval",
        "Ask a lead or an admin to approve it; it goes out when they have",
        COMPOSER,
        "Composer",
        True,
        True,
    ),
    Key(
        "later",
        ("ctrl+t",),
        "send later",
        "Send later: choose when it goes out",
        COMPOSER,
        "Composer",
        True,
        True,
    ),
    Key(
        "put_in",
        ("tab",),
        "code",
        "Put in the saved reply whose code stands before the cursor",
        COMPOSER,
        "Composer",
        writes=True,
    ),
    Key("saved", ("ctrl+r",), "saved replies", "Find a saved reply and put it in", COMPOSER, "Composer", True, True),
    Key(
        "attach", ("ctrl+f",), "picture", "Attach a picture; change it or take it off", COMPOSER, "Composer", True, True
    ),
    Key(
        "answers",
        ("ctrl+l",),
        "suggestions",
        "Suggestions: how we answered messages like this one",
        COMPOSER,
        "Composer",
        True,
        True,
    ),
    Key(
        "options",
        ("ctrl+n",),
        "options",
        "Another option for whoever approves; go between them, take one away",
        COMPOSER,
        "Composer",
        writes=True,
    ),
    Key("own_editor", ("ctrl+o",), "editor", "Write it in your own editor ($EDITOR)", COMPOSER, "Composer", True, True),
    Key("put_down", ("escape",), "put down", "Put it down; the draft is kept", COMPOSER, "Composer", True),
    Key("discard", ("ctrl+x",), "throw away", "Throw the draft away", COMPOSER, "Composer", True, True),
    # In the search box
    Key(
        "run_query",
        ("enter",),
        "searches",
        "Search; what is wrong with the query stops it",
        SEARCHING,
        "Search box",
        True,
    ),
    Key("take_offer", ("tab",), "takes", "Put in the offer that is marked", SEARCHING, "Search box", True),
    Key("offer_down", ("down",), "next", "The next offer", SEARCHING, "Search box"),
    Key("offer_up", ("up",), "before", "The offer before; in an empty box, the last search", SEARCHING, "Search box"),
    Key("keep_query", ("ctrl+s",), "keeps", "Keep the query as a view", SEARCHING, "Search box", True, True),
    Key("put_away", ("escape",), "leaves", "Leave without searching", SEARCHING, "Search box", True),
    # Near-copies and posts
    Key(
        "unfold",
        ("equals_sign",),
        "copies",
        "Show near-copies at their own places, or fold them into one row",
        INBOX,
        "Look",
    ),
    Key("post", ("P",), "post", "The post that it stands under, with its comments", EVERYWHERE, "Look"),
    Key("open_comment", ("enter", "right"), "opens", "Open the conversation of the comment", POST, "Post", True),
    Key(
        "to_answer",
        ("tab",),
        "to answer or all",
        "Only the comments that wait for an answer, or all",
        POST,
        "Post",
        True,
    ),
    Key("comment_down", ("j", "down"), "down", "Next comment", POST, "Post"),
    Key("comment_up", ("k", "up"), "up", "Previous comment", POST, "Post"),
    Key("comments_down", ("pagedown", "ctrl+d"), "page", "One page down", POST, "Post"),
    Key("comments_up", ("pageup", "ctrl+u"), "page", "One page up", POST, "Post"),
    Key("newest", ("g", "home"), "newest", "The newest comment", POST, "Post"),
    Key("leave_post", ("escape", "left", "P"), "back", "Back to where it was opened", POST, "Post", True),
    # In the panel that says why
    Key("by_today", ("ctrl+t",), "today's rules", "By the rules of that time, or by those of today", WHY, "Why", True),
    Key("earlier", ("tab",), "the message before", "The message before, where there are several", WHY, "Why", True),
    Key("later", ("shift+tab",), "the message after", "The message after", WHY, "Why"),
    Key("line_down", ("down",), "down", "One line down", WHY, "Why"),
    Key("line_up", ("up",), "up", "One line up", WHY, "Why"),
    Key("sheet_down", ("pagedown",), "page", "One page down", WHY, "Why"),
    Key("sheet_up", ("pageup",), "page", "One page up", WHY, "Why"),
    Key("close_why", ("escape",), "leaves", "Leave it", WHY, "Why", True),
)

APP = frozenset(
    {
        "command_palette",
        "leave",
        "help",
        "dark",
        "search",
        "rules",
        "sources",
        "incidents",
        "why",
        "false_alarm",
        "confirm",
        "missed",
        "overrule",
        "post",
    }
)
"""Acts of the app itself, whatever it shows."""

GROUPS = (
    "Move",
    "Folders",
    "Answer",
    "Composer",
    "Triage",
    "Shift",
    "Network",
    "Look",
    "Author",
    "Rules",
    "Sources",
    "Incidents",
    "Why",
    "Post",
    "Search box",
    "Hubbub",
)

PLACES = (INBOX, LISTENING, RULES, SOURCES, INCIDENTS, COMPOSER, SEARCHING, WHY, POST, CARD)
"""Where keys work; what is everywhere works in the first five."""

APART = frozenset({COMPOSER, SEARCHING, WHY, CARD, POST})
"""Places that share no key with the rest: who writes needs the letters, and a panel has its own."""

ABOVE_ALL = frozenset({"command_palette"})
"""Acts whose keys are heard before all others, also where somebody writes."""

Table = tuple[Key, ...]
"""The key map in force: the shipped one, or that with a person's own keys."""

_SHOWN = {
    "asterisk": "*",
    "at": "@",
    "backslash": "\\",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "minus": "-",
    "plus": "+",
    "slash": "/",
    "underscore": "_",
    "circumflex_accent": "^",
}


def shown(key: str) -> str:
    """A key as people read it: '?', 'esc', '^s'."""
    if key.startswith("ctrl+"):
        return f"^{shown(key[5:])}"
    if key in _SHOWN:
        return _SHOWN[key]
    try:
        found = unicodedata.lookup(key.replace("_", " ")) if len(key) > 2 else key
    except KeyError:
        return key
    return found if found.isprintable() and not found.isspace() else key


def here(place: str, *, read_only: bool = False, table: Table = KEYS) -> Table:
    """The keys that work in a place; who writes needs the letters: composer, search box and panels share no key with the rest."""
    wide = () if place in APART else (EVERYWHERE,)
    return tuple(key for key in table if key.where in (place, *wide) and not (read_only and key.writes))


def sign(act: str, table: Table = KEYS) -> str:
    """The key of an act as people read it, the first of them: for sentences that name a key."""
    return next(shown(key.keys[0]) for key in table if key.act == act)


def clashes(table: Table = KEYS) -> list[tuple[str, str, Key, Key]]:
    """Keys that two acts of one place claim: (place, key, the one, the other). Empty for a good table."""
    found: list[tuple[str, str, Key, Key]] = []
    above = [key for key in table if key.act in ABOVE_ALL]
    for place in PLACES:
        taken: dict[str, Key] = {}
        entries = here(place, table=table)
        for entry in (*(key for key in above if key not in entries), *entries):
            for key in entry.keys:
                if key in taken:
                    found.append((place, key, taken[key], entry))
                taken.setdefault(key, entry)
    return found
