"""What can go wrong, grouped by what to do next. Owns the error tree; refuses to know where an error came from.

Callers catch the branch, never a leaf of a library: wait and repeat (`TryAgain`), put the item aside (`Reject`),
stop one source and tell people (`SourceStopped`), ask a human to mend something (`FixMe`), or say no (`Refused`).
"""

from __future__ import annotations


class HubbubError(Exception):
    """Any error of ours. `what` happened, `where` (file, line, network, id, host), and a `hint`: what to do."""

    def __init__(self, what: str, *, where: str = "", hint: str = "", code: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head} ({self.hint})" if self.hint else head


class TryAgain(HubbubError):
    """A passing fault: the network, a rate limit, a busy database. `after` is how many seconds to wait, when known."""

    def __init__(
        self, what: str, *, after: float | None = None, where: str = "", hint: str = "", code: str = ""
    ) -> None:
        super().__init__(what, where=where, hint=hint, code=code)
        self.after = after


class Uncertain(TryAgain):
    """A write whose fate is not known: the bytes may have arrived. Look first, never blindly repeat."""


class SourceStopped(HubbubError):
    """One source cannot go on until a person acts: password revoked, account taken down. The others go on."""


class FixMe(HubbubError):
    """Something inside is wrong and only a human can mend it: settings, a rule file, a full disk, a newer database."""


class NotReachable(FixMe):
    """A server that we need does not answer. Commands end with exit code 3."""


class Refused(HubbubError):
    """The act is not possible now, and why: already done by a colleague, changed since, not allowed by the network."""
