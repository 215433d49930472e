"""The knobs of a pretend network, with the defaults of the real one.

Mutable on purpose: a test or the control door turns a knob while the network runs and every part sees it at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Settings:
    """Times are seconds. Zero switches a limit off."""

    lookback_seconds: float = 36 * 3600.0  # a Jetstream cursor older than this is clamped without a word
    first_seq: int = 1  # sequence numbers belong to one server instance: give two instances different ones
    seq_in_events: bool = True  # False speaks like the servers before 2026, whose events have no `cursor`
    ping_seconds: float = 30.0
    write_timeout_seconds: float = 5.0  # a subscriber that does not read for this long is dropped
    access_seconds: float = 120 * 60.0
    refresh_seconds: float = 90 * 86400.0
    refresh_grace_seconds: float = 10.0  # how long a spent refresh token still gives the same successor
    logins_per_five_minutes: int = 30
    requests_per_five_minutes: int = 0  # 3000 on the real network; off here, so that load tests measure load
    appview_lag_seconds: float = 0.0  # notifications, threads and search run this far behind the repos
    lost_notices: int = 0  # every how many-th notification never appears: an answer indexed beside its parent is lost
    search_needs_login: bool = True
    strict_facets: bool = True  # refuse facets that overlap or lie outside the text; the real server takes them
    app_passwords: bool = True  # False: passwords are the accounts' own ones, and their tokens say so
    directory: bool = True  # whether ``/plc/<did>`` tells where an account lives
    words: str = "larkspur"  # what the ledger takes for a topic match, comma-separated, whole words in any case

    def change(self, values: Mapping[str, object]) -> None:
        """Turn several knobs at once; nothing is changed when one value does not fit.

        Raises:
            ValueError: An unknown name, or a value of the wrong type or sign.
        """
        ready: dict[str, object] = {}
        for name, value in values.items():
            now = getattr(self, name) if name in KNOBS else None
            if now is None:
                raise ValueError(f"unknown setting {name!r}; there are {', '.join(sorted(KNOBS))}")
            wanted = float if isinstance(now, float) else type(now)
            ready[name] = float(value) if wanted is float and type(value) is int else value
            fits = type(ready[name]) is wanted
            if not fits or (isinstance(value, int | float) and value < 0):
                raise ValueError(f"{name} must be a {wanted.__name__} (of at least 0), not {value!r}")
        for name, value in ready.items():
            setattr(self, name, value)


KNOBS = frozenset(field.name for field in dataclasses.fields(Settings))
