"""The listener as a process in the background: started, found again, ended. Owns the lock and pid files in the state folder.

Who holds the lock, lives; the kernel drops it however the process dies, so a stale pid is never believed. Refuses to signal a process
that does not hold it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from listener.errors import FixMe
from listener.settings import Paths, Settings
from listener.store.locks import FileLock

ROLES = ("listen", "deliver")
READY_FD = "HUBBUB_READY_FD"
START_WITHIN = 120.0
STOP_WITHIN = 60.0
POLL = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """The process that holds a role."""

    role: str
    pid: int
    track: tuple[str, ...]
    config: str


def _lock_path(paths: Paths, role: str) -> Path:
    return paths.state / f"{role}.lock"


def _pid_path(paths: Paths, role: str) -> Path:
    return paths.state / f"{role}.pid"


def make_folder(path: Path) -> None:
    """A private folder, made if missing. FixMe when it cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as err:
        raise FixMe(
            f"no folder can be made here: {err.strerror}",
            where=str(path),
            hint="set HUBBUB_HOME to a folder you may write to",
        ) from None


@contextlib.contextmanager
def held(settings: Settings, roles: Sequence[str]) -> Iterator[None]:
    """Holds these roles for the length of the block, so that nobody else takes them. FixMe when somebody has one."""
    paths = settings.paths
    make_folder(paths.state)
    locks: list[FileLock] = []
    try:
        for role in roles:
            lock = FileLock(_lock_path(paths, role))
            try:
                free = _taken(lock)
            except OSError as err:
                raise FixMe(f"the lock cannot be made: {err.strerror}", where=str(_lock_path(paths, role))) from None
            if not free:
                other = find(paths, role)
                who = f" (process {other.pid})" if other else ""
                raise FixMe(
                    f"a listener already runs here{who}",
                    where=str(paths.state),
                    hint="hubbub status shows it, hubbub down stops it; another $HUBBUB_HOME can have its own",
                )
            locks.append(lock)
            note = {"pid": os.getpid(), "track": settings.track, "config": str(settings.file or "")}
            _pid_path(paths, role).write_text(json.dumps(note))
        yield
    finally:
        for role, lock in zip(roles, locks, strict=False):
            with contextlib.suppress(OSError):
                _pid_path(paths, role).unlink()
            lock.release()


def _taken(lock: FileLock) -> bool:
    """Tries for a moment: somebody who only looks whether a listener runs holds the lock for an instant too."""
    for _ in range(10):
        if lock.try_exclusive():
            return True
        time.sleep(POLL)
    return False


def find(paths: Paths, role: str = "listen") -> Running | None:
    """Who holds the role now; None: nobody."""
    if not _is_held(paths, role):
        return None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        note = json.loads(_pid_path(paths, role).read_text())
        return Running(role, int(note["pid"]), tuple(note["track"]), str(note["config"]))
    return None


def find_all(paths: Paths) -> list[Running]:
    """Everybody who holds a role, each process once."""
    found = {running.pid: running for role in ROLES if (running := find(paths, role)) is not None}
    return list(found.values())


def _is_held(paths: Paths, role: str) -> bool:
    path = _lock_path(paths, role)
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        return not lock.try_shared()
    except OSError:
        return False
    finally:
        lock.release()


async def stop(paths: Paths, running: Running, *, within: float = STOP_WITHIN) -> bool:
    """Asks it to end, and waits until it has let go. False when it still holds on after `within` seconds."""
    holder = find(paths, running.role)
    if holder is None or holder.pid != running.pid:
        return True
    try:
        os.kill(running.pid, signal.SIGTERM)
    except ProcessLookupError:
        return True
    except PermissionError:
        raise FixMe(
            f"process {running.pid} belongs to another user",
            where=str(paths.state),
            hint="run hubbub down as that user",
        ) from None
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        now = find(paths, running.role)
        if (now is None and not _is_held(paths, running.role)) or (now is not None and now.pid != running.pid):
            return True
        await asyncio.sleep(POLL)
    return False


def command(name: str, *arguments: str) -> list[str]:
    """The command line that runs one of our own commands with this very Python."""
    return [sys.executable, "-m", "listener", name, *arguments]


def serve_arguments(settings: Settings) -> list[str]:
    """What `serve` must be told to run with these settings."""
    arguments = ["--config", str(settings.file)] if settings.file else []
    return [*arguments, "--track", ", ".join(settings.track)] if settings.track else arguments


async def start(
    settings: Settings, *extra: str, environ: Mapping[str, str] | None = None, leashed: bool = False
) -> Child:
    """Starts `hubbub serve` in the background, in a session of its own, its log in a file; returns when it listens.

    `leashed`: it ends by itself when we die. FixMe with its own words when it does not start.
    """
    paths = settings.paths
    make_folder(paths.state)
    make_folder(paths.logs)
    error_path = paths.logs / "listener.err"
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    surroundings = {**(os.environ if environ is None else environ), READY_FD: str(write_end)}
    arguments = [
        *serve_arguments(settings),
        "--log-file",
        str(paths.log_file),
        *extra,
        *(["--leash"] if leashed else []),
    ]
    try:
        with error_path.open("wb") as errors:
            process = subprocess.Popen(  # noqa: ASYNC220 - takes a moment only, and must not be tied to this loop
                command("serve", *arguments),
                stdin=subprocess.PIPE if leashed else subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
                close_fds=True,
                pass_fds=(write_end,),
                env=surroundings,
                cwd="/" if settings.file else None,
            )
    except OSError as err:
        os.close(read_end)
        raise FixMe(f"the listener cannot be started: {err.strerror}", where=str(error_path)) from None
    finally:
        os.close(write_end)
    child = Child(process)
    try:
        ready = await _ready(read_end)
    except BaseException:
        await child.end()
        raise
    finally:
        os.close(read_end)
    if not ready:
        await child.end()
        text = error_path.read_text(errors="replace").strip()
        raise FixMe(
            "the listener did not start",
            where=str(paths.log_file),
            hint=_first_lines(text) or "the log says why",
        )
    return child


async def _ready(read_end: int) -> bool:
    """Whether the child says that it is ready, before it dies or a long time passes."""
    os.set_blocking(read_end, False)
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            return os.read(read_end, 16).startswith(b"ready")
        await asyncio.sleep(POLL)
    return False


def tell_ready() -> None:
    """Tells whoever started us that we listen now."""
    if (number := os.environ.pop(READY_FD, "")).isdigit():
        with contextlib.suppress(OSError):
            os.write(int(number), b"ready\n")
            os.close(int(number))


def _first_lines(text: str) -> str:
    lines = [line.strip().removeprefix("hubbub: ") for line in text.splitlines() if line.strip()]
    return "; ".join(lines[:4])


@dataclass(slots=True)
class Child:
    """A process of ours."""

    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def let_go(self) -> None:
        """It lives on without us."""
        self.process.returncode = self.process.returncode or 0

    async def end(self, *, patience: float = 20.0) -> int:
        """Asks it to end, then makes it; its exit code."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            try:
                await asyncio.to_thread(self.process.wait, patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                await asyncio.to_thread(self.process.wait)
        return self.process.returncode


async def foreground(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs a program on our own terminal until it ends; its exit code. Ctrl-C is the program's business meanwhile."""
    process = await asyncio.create_subprocess_exec(*arguments, env=dict(environ))
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, _pass_on, process, number)
            stack.callback(loop.remove_signal_handler, number)
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        stack.callback(loop.remove_signal_handler, signal.SIGINT)
        try:
            code = await process.wait()
            return code if code >= 0 else 128 - code
        except asyncio.CancelledError:
            _pass_on(process, signal.SIGTERM)
            await process.wait()
            raise


def _pass_on(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


@contextlib.asynccontextmanager
async def leash() -> AsyncIterator[asyncio.Event]:
    """An event that is set when whoever started us is gone: our stdin, which they hold open, is at its end."""
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()

    def readable() -> None:
        try:
            if os.read(0, 1024):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        loop.remove_reader(0)
        gone.set()

    os.set_blocking(0, False)
    loop.add_reader(0, readable)
    try:
        yield gone
    finally:
        loop.remove_reader(0)


__all__ = [
    "ROLES",
    "Child",
    "Running",
    "find",
    "find_all",
    "foreground",
    "held",
    "leash",
    "start",
    "stop",
    "tell_ready",
]
