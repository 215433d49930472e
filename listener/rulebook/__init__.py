"""The rulebook: what team leads write in `rules/`, as frozen values with places, and what it says about a message.

Owns the files' shape, every problem in them, and how rules combine. Refuses to read a disk (`listener.rulefiles` does) or to know
a network. Rules are data: none can name a command, a path or an address to call.
"""
