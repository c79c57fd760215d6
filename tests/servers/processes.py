"""Server processes of our own: a free port, a folder, a user that is not root, a clean end.

What must stay true: a process started here ends with the session, also when the session is
killed (on Linux; then only its folder stays behind).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .server import Failed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

START_SECONDS = 60.0
STOP_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
#: Below those of connections: these begin at 32,768 on Linux, at 49,152 elsewhere.
_PORTS = range(12_000, 32_000)
#: Not what a test has seeded: processes that test side by side must not draw the same ports.
_CHANCE = random.SystemRandom()
_given: set[int] = set()


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now.

    None of those that a system gives to connections: each might be taken the next moment, of which
    there are thousands while tests run side by side.
    """
    while True:
        port = _CHANCE.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def find_binary(*names: str, folders: Sequence[str] = ()) -> str:
    """Find the first of `names` in `folders`, on the PATH, or where Debian puts daemons."""
    path = os.pathsep.join([*folders, os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    raise Unavailable(f"{' or '.join(names)} is not installed")


def answers(host: str, port: int, say: bytes, expect: bytes) -> None:
    """Return if the server there answers `say` with something that holds `expect`."""
    try:
        with socket.create_connection((host, port), timeout=5) as connection:
            connection.sendall(say)
            reply = connection.recv(1024)
    except OSError as error:
        raise Unavailable(f"{host}:{port}: {error}") from error
    if expect not in reply:
        raise Unavailable(f"{host}:{port} answers {reply[:60]!r}")


def eventually(check: Callable[[], None], what: str, seconds: float = START_SECONDS) -> None:
    """Repeat `check` until it stops raising Unavailable, or pass its last refusal on."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except Failed:
            raise
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise Unavailable(f"{what} did not come up in {seconds:g} s: {error}") from error
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Den:
    """A folder and a user for one private server."""

    folder: Path
    user: str | None

    @classmethod
    def dig(cls, name: str, *users: str) -> Den:
        """Make a folder owned by the first of `users` that exists (as root), or by ourselves."""
        # Directly under /tmp: a socket's whole path has room for about 100 characters.
        folder = Path(tempfile.mkdtemp(prefix=f"celeriac-{name}-", dir="/tmp"))
        user = _first_user(*users, "nobody") if os.geteuid() == 0 else None
        if user is not None:
            shutil.chown(folder, user)
        return cls(folder, user)

    def run(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Run a command to its end, as the den's user."""
        try:
            subprocess.run(
                command,
                check=True,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=START_SECONDS * 2,
                **self._how(env),
            )
        except (OSError, subprocess.SubprocessError) as error:
            output = getattr(error, "stderr", None) or b""
            reason = output.decode(errors="replace").strip() or str(error)
            raise Unavailable(f"{Path(command[0]).name}: {reason[-400:]}") from error

    def start(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        end: signal.Signals = signal.SIGTERM,
    ) -> Started:
        """Start a server that stays in the foreground."""
        log = (self.folder / "log").open("wb")
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,
                **self._how(env),
            )
        except OSError as error:
            raise Unavailable(f"{command[0]}: {error}") from error
        finally:
            log.close()

        return Started(self, process, end)

    def fill(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _how(self, env: Mapping[str, str] | None) -> dict[str, Any]:
        environ = os.environ | {"HOME": str(self.folder), "LC_ALL": "C.UTF-8"} | dict(env or {})
        how: dict[str, Any] = {"cwd": self.folder, "env": environ}
        if self.user is not None:
            group = pwd.getpwnam(self.user).pw_gid
            how |= {"user": self.user, "group": group, "extra_groups": []}
        return how


@dataclass(frozen=True, slots=True)
class Started:
    """A server process in its den."""

    den: Den
    process: subprocess.Popen[Any]
    end: signal.Signals

    def check(self) -> None:
        """Return while it lives.

        Raises:
            Failed: it has ended; the message quotes its log.
        """
        status = self.process.poll()
        if status is not None:
            log = (self.den.folder / "log").read_text(errors="replace").strip()
            raise Failed(f"it ended with status {status}: {log[-300:]}")

    def stop(self) -> None:
        """End it and remove its den."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(self.end)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        # The script that launched it may be gone before what it launched.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        self.den.fill()


def _first_user(*names: str) -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in names:
        if name in known:
            return name
    raise Unavailable(f"running as root, and there is no user to start it as: {', '.join(names)}")


def _end_with_parent() -> None:
    # Runs after the change of user, which would clear it.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
