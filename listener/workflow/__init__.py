"""The unit of work: what people do to it, how it moves, the clocks that run for it, and the order in which it stands.

Pure: everything that happens comes in with its time. Refuses to store, to tell anybody, or to know a screen.
"""
