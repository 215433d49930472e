"""The hall: where the thinking wing and the touching wing meet. Owns loops, waiting, and the order of steps; refuses to know
a network's words, a statement's SQL, or how a mention is judged.

`run` builds everything and holds the one task group; `listen` hears, `deliver` answers, `timekeeper` keeps the clocks, `rules` reloads,
`threads` fetches what is around a conversation; `database` opens Postgres, `processes` starts and ends the listener in the background.
"""
