"""A pretend Bluesky network on loopback: real wire formats, a scripted day, and misbehaviour on demand.

It owns its own world (actors, repos, the event log, sessions) and knows nothing of the programs that are tried against
it. Start it as a program (``python -m pretend``) or inside a test (``pretend.network.Network.start``). It listens on
127.0.0.1 only and it is not a server for real people: passwords are compared in the open and nothing is encrypted.
"""
