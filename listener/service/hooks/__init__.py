"""The door for HTTP in: webhooks, health and metrics. Owns who may deliver what and how fast; stores first, answers second, reads afterwards.

`door` serves, `senders` says who asks, `figures` what is told about us, `stream` reads what was delivered. It refuses to look into a body, to log
one, and to say yes to anything that is not in Postgres.
"""

from __future__ import annotations
