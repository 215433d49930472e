"""The data folder of the embedded server: made, checked and guarded here. Owns its layout and its permissions.

Refuses folders that hold other things, belong to somebody else, or cannot be reached by the user Postgres runs as. Also says
in a person's words what Postgres' last words before giving up mean.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from listener.errors import FixMe, HubbubError, TryAgain
from listener.store.programs import Programs, first_blocked

SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET = 103  # bytes; macOS allows 104 with the closing NUL, Linux 108
OURS = frozenset({"cluster", "cluster.new", "log", "run", "door.lock", "users.lock", "server.lock"})


def same_folder(one: str | Path, other: str | Path) -> bool:
    """Whether both paths lead to one folder."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def make_folder(data: Path, programs: Programs) -> None:
    """The data folder, 0700 and owned by whom Postgres runs as. FixMe when it cannot be, or holds something else."""
    user = programs.user
    try:
        for folder in [*reversed(data.parents)]:
            if not folder.exists():
                folder.mkdir(exist_ok=True)  # several programs may start at once
                if user is not None:
                    folder.chmod(0o755)
        data.mkdir(mode=0o700, exist_ok=True)
        if user is None:
            _check_ours(data)
        strange = sorted(set(os.listdir(data)) - OURS)
    except OSError as err:
        raise FixMe(
            f"no database can be kept here: {(err.strerror or str(err)).lower()}",
            where=str(err.filename or data),
            hint="give a folder that you may write to",
        ) from err
    if strange and not (data / "cluster").exists():
        raise FixMe(
            f"this folder holds other things ({', '.join(strange[:3])})",
            where=str(data),
            hint="give the database an empty folder or a new name",
        )
    if user is None:
        return
    blocked = first_blocked(data, user)
    if blocked is not None:
        raise FixMe(
            f"as root, Postgres runs as the user {user.name!r}, who may not enter {blocked}",
            where=str(data),
            hint="give a folder that this user can reach, e.g. under /var/lib/hubbub, or do not run as root",
        )
    if data.stat().st_uid != user.uid:
        os.chown(data, user.uid, user.gid)
    data.chmod(0o700)


def _check_ours(data: Path) -> None:
    found = data.stat()
    if found.st_uid != os.geteuid() or not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise FixMe(
            "this database folder belongs to another user of this machine",
            where=str(data),
            hint="run as that user, or give a folder of your own",
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        data.chmod(0o700)


def _private_folder(path: Path, programs: Programs) -> Path:
    """A folder that only the server's user can enter. FixMe when somebody else has made it first."""
    uid, gid = (programs.user.uid, programs.user.gid) if programs.user else (os.geteuid(), os.getegid())
    try:
        path.mkdir(mode=0o700)
        if programs.user:
            os.chown(path, uid, gid)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or stat.S_IMODE(found.st_mode) & 0o077:
            raise FixMe(
                "the folder for the database's socket is not private", where=str(path), hint="delete it"
            ) from None
    return path


def socket_folder(data: Path, programs: Programs) -> Path:
    """Inside the data folder, or, where a socket's path would be too long or has a comma, a private one under /tmp.

    Addresses separate hosts by commas, and know no way to escape one.

    Not below $XDG_RUNTIME_DIR: that goes away when the user logs out, and the server may stay.
    """
    inside = data / "run"
    if len(os.fsencode(inside / SOCKET)) <= LONGEST_SOCKET and "," not in str(inside):
        return _private_folder(inside, programs)
    found = data.stat()
    name = hashlib.sha256(f"{data.resolve()} {found.st_dev} {found.st_ino}".encode(errors="surrogateescape"))
    return _private_folder(Path("/tmp") / f"hubbub-{found.st_uid}-{name.hexdigest()[:12]}", programs)  # noqa: S108


def open_log(data: Path, programs: Programs) -> int:
    """What Postgres says until its own log starts, and why it did not start."""
    folder = _private_folder(data / "log", programs)
    log = os.open(folder / "start.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    if programs.user is not None:
        os.fchown(log, programs.user.uid, programs.user.gid)
    return log


def remove_tree(path: Path) -> None:
    """Deletes a folder and all in it, following no links."""
    if path.is_symlink() or not path.exists():
        path.unlink(missing_ok=True)
        return
    for child in path.iterdir():
        if child.is_dir() and not child.is_symlink():
            remove_tree(child)
        else:
            child.unlink()
    path.rmdir()


def start_failed(data: Path) -> HubbubError:
    """Why the server that was just started is gone, from its logs."""
    logs = sorted((data / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
    text = "".join(path.read_text(errors="replace")[-4000:] for path in logs[-2:])
    return told(text, data, "the database server did not start")


def told(output: str, data: Path, what: str) -> HubbubError:
    """What Postgres' own words mean for a person."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [
        line for line in lines if any(word in line for word in ("FATAL", "PANIC", "error:", "ERROR", "could not"))
    ]
    said = (telling or lines or ["it said nothing"])[-1]
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return FixMe(f"{what}: the disk is full", where=str(data), hint="free some space and start again", code="53100")
    if "shared memory block" in output and "still in use" in output:
        return TryAgain(
            f"{what}: processes of an earlier server are still at work", where=str(data), hint="wait for them"
        )
    return FixMe(f"{what}: {said}", where=str(data), hint=f"the whole story is in {data / 'log'}")
