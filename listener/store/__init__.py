"""The only door to Postgres. Owns every statement, transaction and row shape; refuses to judge, to call a network, or to draw.

Rooms: `connect` and `embedded` (servers), `migrate`, `backup`; `record` (what was heard, in one transaction), `sources`, `rulebooks`, `people`;
`inbox` (windows of data for screens), `acts` (what people do, and undo), `claims`, `outbox` (what leaves), `feed` (what changed), `upkeep`.
"""
