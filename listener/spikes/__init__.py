"""Counts per bucket into surprise, and surprise into alarms that say why: online, one pass, constant memory. Pure, like all that thinks.

`baseline` learns what is usual for one counter and says how surprising a bucket is, with its arithmetic; `paging` decides which surprises
wake somebody; `counts` is the chance of a count. Nothing here is told where a count comes from, who is on duty, or what time it is. The
figures that it was measured by are in docs/spikes.md.
"""
