"""A real AT Protocol network on loopback: DID directory, PDS with firehose, and Bluesky's own AppView.

Owns: getting the servers (npm, once, into a cache folder), starting Postgres, Redis and `bluesky/network.mjs`, stopping them,
and the fixtures `bluesky_network` (one per pytest worker), `bluesky_sign_up` and `bluesky_jetstream`. Refuses: anything the
listener does; the servers are not ours and not pretend.
A test that uses the fixtures gets the marker `peer`, a longer time-out and the xdist group `bluesky` by itself. Where something is missing the test
is skipped with the reason; `HUBBUB_REQUIRE_PEERS=1` turns that into a failure. `HUBBUB_PEERS_CACHE` moves the cache folder.

The AppView needs the extension pg_trgm, so the embedded Postgres of the wheel will not do: a system Postgres with contrib is looked for.

Seen of the network (dev-env 0.6.7, AppView included), for those who write against it:
- mention posted -> in `listNotifications`: 0.1 to 0.9 s. Network ready 5 to 16 s after the start.
- An edit (`putRecord` over a post) IS indexed: `getPosts`, `getPostThread`, `searchPosts` and the notification itself show
  the new text and the new CID under the old URI, within a second. `indexedAt` stays what it was, `isRead` too: neither
  tells of an edit, only the CID does.
- A mention added by an edit makes a notification, dated with the post's first time, so it sorts below newer ones. A mention
  taken out by an edit takes the notification away.
- `indexedAt` of posts and notifications is min(claimed createdAt, server's time), NOT the server's time: a post dated 2020
  is notified as of 2020, at the far end of the list and already read. A watermark on `indexedAt` never sees it. A post
  dated in the future gets the server's time.
- A deleted post vanishes from `getPosts` (missing, no error) and from `listNotifications` (no trace); `getPostThread` says
  400 NotFound; as the parent of our reply it stays as `notFoundPost`; `getRecord` says 400 RecordNotFound. Deleting again
  is a 200. A deactivated account: likewise, at once.
- A reply that also mentions us comes once, as `mention`. A reply to another's reply below our post comes as `reply`. A
  quote comes as `quote`. A handle in the text without a facet notifies nobody.
- A reply that names the old CID of an edited parent is accepted and shown.
- `putRecord` with a new key of ours creates (200), with the same record again changes nothing. 301 graphemes: 400
  InvalidRequest. Bad token: 400 InvalidToken. Wrong password: 401 AuthenticationRequired. Deactivated: 401
  AccountDeactivated.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import hashlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import aiohttp
import pytest
import pytest_asyncio

from tests.peers.bluesky_people import Person, sign_up
from tests.peers.jetstream_bridge import JetstreamBridge, jetstream_bridge

RECIPE = Path(__file__).parent / "bluesky"
INSTALL_SECONDS = 420.0
READY_SECONDS = 90.0
STOP_SECONDS = 10.0

SignUp = Callable[[str], Awaitable[Person]]


class PeerMissing(Exception):
    """Something this machine lacks; the text says what and how to get it."""


@dataclass(frozen=True, slots=True)
class BlueskyNetwork:
    """Where the servers listen. `pds` is what an account logs in to; it passes `app.bsky.*` on to the AppView."""

    plc: str
    pds: str
    firehose: str
    appview: str
    ready_seconds: float


def install_servers() -> Path:
    """The folder with `network.mjs` and its `node_modules`, installed on first use (about 90 s, 667 MB). PeerMissing if that cannot be."""
    manifest = (RECIPE / "package.json").read_bytes()
    cache = Path(os.environ.get("HUBBUB_PEERS_CACHE") or _cache_home() / "hubbub-peers")
    cache.mkdir(parents=True, exist_ok=True)
    home = cache / f"bluesky-{hashlib.sha256(manifest).hexdigest()[:12]}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "installed").exists():
            if not {"HUBBUB_PEERS", "HUBBUB_REQUIRE_PEERS"} & set(os.environ):
                raise PeerMissing(
                    "the real network is not installed here: HUBBUB_PEERS=1 make test fetches it (668 MB)"
                )
            _npm_install(home, manifest)
        script = (RECIPE / "network.mjs").read_bytes()
        if not (home / "network.mjs").exists() or (home / "network.mjs").read_bytes() != script:
            (home / "network.mjs").write_bytes(script)
    return home


def _npm_install(home: Path, manifest: bytes) -> None:
    if not shutil.which("npm"):
        raise PeerMissing("npm is not installed (the Bluesky servers come from its registry)")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    (home / "package.json").write_bytes(manifest)
    command = ["npm", "install", "--no-audit", "--no-fund", "--fetch-retries=2", "--fetch-retry-mintimeout=1000"]
    try:
        done = subprocess.run(
            command,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PeerMissing(f"npm install took more than {INSTALL_SECONDS:g} s") from None
    if done.returncode:
        raise PeerMissing(f"npm install failed (registry reachable?): {done.stderr.strip()[-400:]}")
    (home / "installed").touch()


def _cache_home() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    if named:
        return Path(named)
    home = os.environ.get("HOME")
    return Path(home) / ".cache" if home else Path(tempfile.gettempdir()) / f"cache-{os.getuid()}"


def find_postgres() -> Path:
    """The folder of a system Postgres' programs that has pg_trgm, newest first; PeerMissing if there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("pg_config")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    for folder in folders:
        if not (folder / "initdb").exists():
            continue
        share = Path(f"/usr/share/postgresql/{folder.parent.name}")
        if not share.exists():
            share = Path(
                subprocess.run(
                    [folder / "pg_config", "--sharedir"], capture_output=True, text=True, check=True
                ).stdout.strip()
            )
        if (share / "extension" / "pg_trgm.control").exists():
            return folder
    raise PeerMissing("no system Postgres with the extension pg_trgm (Debian: apt-get install postgresql)")


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent(sign: signal.Signals) -> Callable[[], None]:
    """What a child runs before its program: on Linux it then gets `sign` should pytest be killed, so nothing is left behind."""
    if not sys.platform.startswith("linux"):
        return lambda: None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(1, int(sign))


@contextmanager
def _program(
    command: list[str | Path], folder: Path, name: str, sign: signal.Signals, **more: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A child process that is stopped by `sign` at the end, killed if it does not heed it; its stderr is in `folder/name.log`."""
    with (folder / f"{name}.log").open("wb") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stderr=log,
            preexec_fn=_die_with_parent(sign),
            start_new_session=True,
            **{"stdout": log, **more},
        )
        try:
            yield child
        finally:
            child.send_signal(sign)
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _wait_for_port(port: int, child: subprocess.Popen[bytes], log: Path, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if child.poll() is not None or time.monotonic() > deadline:
                raise PeerMissing(f"{log.stem} did not start: {log.read_text(errors='replace')[-400:]}") from None
            time.sleep(0.05)


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    """A throw-away Postgres for the AppView; as root it runs as `postgres` or `nobody`, because it refuses root. Yields the URL."""
    programs = find_postgres()
    data, port, as_user = folder / "pg", free_port(), {}
    data.mkdir(mode=0o700)
    if os.getuid() == 0:
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        user = names.get("postgres") or names["nobody"]
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        folder.chmod(0o711)
        os.chown(data, user.pw_uid, user.pw_gid)
    owner = ["-U", "appview", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(
        [programs / "initdb", "-D", data, *owner], cwd="/", check=True, capture_output=True, timeout=60, **as_user
    )  # type: ignore[call-overload]
    settings = {
        "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off", "max_connections": 200,
    }  # fmt: skip
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    with _program(
        [programs / "postgres", "-D", data, *options], folder, "postgres", signal.SIGQUIT, cwd="/", **as_user
    ) as child:
        _wait_for_port(port, child, folder / "postgres.log")
        yield f"postgresql://appview@127.0.0.1:{port}/postgres"


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """A throw-away Redis for the AppView. Yields host:port."""
    found = shutil.which("redis-server")
    if not found:
        raise PeerMissing("redis-server is not installed (Debian: apt-get install redis-server)")
    port = free_port()
    command: list[str | Path] = [
        found,
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        folder,
    ]
    with _program(command, folder, "redis", signal.SIGTERM) as child:
        _wait_for_port(port, child, folder / "redis.log")
        yield f"127.0.0.1:{port}"


@contextmanager
def running_network() -> Iterator[BlueskyNetwork]:
    """The whole network, thrown away at the end. PeerMissing where this machine cannot run it."""
    if not shutil.which("redis-server"):
        raise PeerMissing("redis-server is not installed (Debian: apt-get install redis-server)")
    find_postgres()
    home = install_servers()
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="hubbub-bluesky-", ignore_cleanup_errors=True))
        )
        postgres = stack.enter_context(_postgres(folder))
        redis = stack.enter_context(_redis(folder))
        ports = {name: str(free_port()) for name in ("plc", "pds", "appview")}
        command: list[str | Path] = [
            home / "node_modules" / ".bin" / "node",
            "network.mjs",
            "--postgres",
            postgres,
            "--redis",
            redis,
        ]
        for name, port in ports.items():
            command += [f"--{name}-port", port]
        began = time.monotonic()
        child = stack.enter_context(
            _program(command, folder, "network", signal.SIGTERM, cwd=home, stdout=subprocess.PIPE)
        )
        assert child.stdout is not None
        _first_line(child.stdout, child, folder / "network.log")
        pds = f"http://127.0.0.1:{ports['pds']}"
        yield BlueskyNetwork(
            plc=f"http://127.0.0.1:{ports['plc']}",
            pds=pds,
            firehose=f"ws://127.0.0.1:{ports['pds']}/xrpc/com.atproto.sync.subscribeRepos",
            appview=f"http://127.0.0.1:{ports['appview']}",
            ready_seconds=time.monotonic() - began,
        )


def _first_line(stdout: IO[bytes], child: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    """The JSON line with which the network says that it is ready."""
    deadline = time.monotonic() + READY_SECONDS
    os.set_blocking(stdout.fileno(), False)
    heard = b""
    while b"\n" not in heard:
        heard += stdout.read() or b""
        if child.poll() is not None or time.monotonic() > deadline:
            raise PeerMissing(f"the network did not start: {log.read_text(errors='replace')[-600:]}")
        time.sleep(0.05)
    said: dict[str, Any] = json.loads(heard.split(b"\n", 1)[0])
    return said


@pytest.fixture(scope="session")
def bluesky_network() -> Iterator[BlueskyNetwork]:
    """The real network, started once per worker; skipped, or failed in CI, where this machine cannot run it."""
    with ExitStack() as stack:
        try:
            network = stack.enter_context(running_network())
        except PeerMissing as missing:
            if os.environ.get("HUBBUB_REQUIRE_PEERS") == "1":
                pytest.fail(f"HUBBUB_REQUIRE_PEERS=1, but: {missing}")
            pytest.skip(str(missing))
        print(f"\nBluesky network ready after {network.ready_seconds:.1f} s: {network.pds}")
        yield network


@pytest_asyncio.fixture
async def bluesky_sign_up(bluesky_network: BlueskyNetwork) -> AsyncIterator[SignUp]:
    """A function that creates an account on the network: `mira = await bluesky_sign_up("mira")`."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:

        async def sign(name: str) -> Person:
            return await sign_up(http, bluesky_network.pds, name)

        yield sign
        await asyncio.sleep(0)


@pytest_asyncio.fixture
async def bluesky_jetstream(bluesky_network: BlueskyNetwork) -> AsyncIterator[JetstreamBridge]:
    """The network's events in Jetstream's form; `bluesky_jetstream.url` is what a consumer connects to."""
    async with jetstream_bridge(bluesky_network.firehose) as bridge:
        yield bridge


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever uses the network is a peer test, has time for its installation, and shares one worker's network (so: before xdist looks)."""
    for item in items:
        if "bluesky_network" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.peer)
            item.add_marker(pytest.mark.timeout(600))
            item.add_marker(pytest.mark.xdist_group("bluesky"))
