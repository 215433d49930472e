"""From rows to lines of styled pieces: every word that the inbox shows about the data. Pure: no screen, no clock, no disk.

Here, and only here (`lines.say` and `lines.paragraphs`), text from outside is made harmless; what leaves this package may be drawn as it is.
Refuses colours: a piece names what it is ("late", "tag"), a widget's style sheet decides how that looks.
"""
