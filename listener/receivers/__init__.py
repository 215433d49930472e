"""Who is told of an incident, and by which way: a package or module for each kind of receiver, all alike to whoever delivers.

A receiver says what became of one message, in our errors: surely not taken, not known, refused. It refuses to repeat, to decide who is told, and
to keep, log or tell a secret.
"""
