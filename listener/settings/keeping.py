"""Where a secret is put: a file that only we read, or the desktop's keyring. Owns the writing of both, whole or not at all.

A running service may put a new secret in the place of an old one only where both the file and its folder are its own: what an orchestrator
mounts, or another user keeps, is left alone. Refuses to put anything into the environment, and to write over what somebody put there meanwhile.
"""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from listener.errors import FixMe
from listener.settings.values import SecretRef


@dataclass(frozen=True, slots=True)
class Kept:
    """The place of one secret, for whoever may have to put a new one there."""

    ref: SecretRef

    def since(self) -> datetime | None:
        """When it was put there; None where that is not known."""
        if self.ref.kind != "file":
            return None
        try:
            return datetime.fromtimestamp(Path(self.ref.name).stat().st_mtime, UTC)
        except OSError:
            return None

    def read(self) -> str:
        """The secret as it stands there; '' where it cannot be read."""
        try:
            return self.ref.read().reveal()
        except FixMe:
            return ""

    def writable(self) -> bool:
        """Whether a new one could be put there. Of a keyring only trying says that."""
        if self.ref.kind != "file":
            return self.ref.kind == "keyring"
        file = Path(self.ref.name).resolve()
        try:
            ours = file.stat().st_uid == file.parent.stat().st_uid == os.geteuid()
        except OSError:
            return False
        return ours and os.access(file, os.W_OK) and os.access(file.parent, os.W_OK | os.X_OK)

    def replace(self, old: str, new: str) -> bool:
        """Put a new one in the place of the old. False where we may not, where it fails, or where something else stands there by now."""
        if not self.writable() or self.read() != old:
            return False
        try:
            if self.ref.kind == "keyring":
                into_keyring(self.ref.name, new)
            else:
                into_file(Path(self.ref.name).resolve(), new)
        except FixMe:
            return False
        return True


def into_keyring(told: str, secret: str) -> None:
    """Keep it in the desktop's keyring, as `service/user`. FixMe where that does not work."""
    try:
        keyring = importlib.import_module("keyring")  # the extra `hubbub[keyring]`; rarely there
    except ImportError:
        raise FixMe(
            "--keyring needs the keyring extra", hint="pip install 'hubbub[keyring]', or leave --keyring out"
        ) from None
    service, _, user = told.rpartition("/")
    try:
        keyring.set_password(service or "hubbub", user, secret)
    except Exception as err:  # each keyring has errors of its own
        raise FixMe(
            f"the keyring does not take it: {type(err).__name__}", hint="leave --keyring out: a file will hold it"
        ) from None


def into_file(file: Path, secret: str) -> None:
    """Whole or not at all, readable by us alone from its first byte. FixMe where that does not work."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(file, secret.encode() + b"\n", None)
    except OSError as err:
        raise FixMe(
            f"the secret cannot be kept: {err.strerror}",
            where=str(file),
            hint="check the permissions of that folder, or use --keyring",
        ) from None


def replace_file(file: Path, content: bytes, like: Path | None) -> None:
    """One file in the place of another, in one step, with the mode of `like`, else 0600. OSError as the system says."""
    number, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:60]}.")  # 0600 by promise
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if like is not None:
            shutil.copymode(like, name)
            if os.geteuid() == 0:
                os.chown(name, like.stat().st_uid, like.stat().st_gid)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
