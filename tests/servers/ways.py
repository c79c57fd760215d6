"""The ways to a server, tried in order: override, local, private, install, compose.

What must stay true: the first way that leads to a server that passes its own check wins; a way
that fails says why, and what it started is stopped.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import eventually
from .server import Missing, Running, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .server import Server

ALL = ("local", "private", "install", "compose")
COMPOSE_FILE = Path(__file__).resolve().parents[2] / "docker-compose.yml"
POLICY = Path("/usr/sbin/policy-rc.d")
_installing = threading.Lock()


def provide(
    server: Server, environ: Mapping[str, str] | None = None, *, after: str | None = None
) -> Running | Missing:
    """Try every way that `environ` admits until one leads to the server.

    `after` names a way that did, to a server with no room left: only those after it are tried.
    """
    environ = os.environ if environ is None else environ
    override = environ.get(f"CELERIAC_TEST_{server.name.upper()}_URL")
    if override:
        ways = [] if after else [("override", lambda: _given(server, override))]
        return _first(server, ways)
    chosen = chosen_ways(environ.get("CELERIAC_TEST_SERVERS", ""))
    if after is not None:
        chosen = chosen[chosen.index(after) + 1 :]
    return _first(server, [(way, partial(_WAYS[way], server)) for way in chosen])


def chosen_ways(setting: str) -> tuple[str, ...]:
    """Read CELERIAC_TEST_SERVERS: comma-separated ways, all of them if empty."""
    ways = tuple(way.strip() for way in setting.split(",") if way.strip())
    for way in ways:
        if way not in ALL:
            raise ValueError(
                f"CELERIAC_TEST_SERVERS={setting!r}: {way!r} is no way to a server; "
                f"choose out of {', '.join(ALL)}"
            )
    return ways or ALL


def _first(server: Server, ways: Sequence[tuple[str, Callable[[], Running]]]) -> Running | Missing:
    reasons: list[str] = []
    for name, way in ways:
        try:
            return way()
        except Unavailable as error:
            reasons.append(f"{name}: {error}")
    return Missing(server.name, tuple(reasons))


def _given(server: Server, url: str) -> Running:
    server.check(url)
    return Running(url, way="override")


def _local(server: Server) -> Running:
    refusals: dict[str, None] = {}
    for url in server.local_urls():
        try:
            server.check(url)
        except Unavailable as error:
            refusals[str(error)] = None
        else:
            return Running(url, way="local")
    raise Unavailable(" / ".join(refusals) or "it has no usual place")


def _private(server: Server) -> Running:
    running = server.start()

    def check() -> None:
        running.check()
        server.check(running.url)

    try:
        eventually(check, "the private server")
    except Unavailable:
        running.stop()
        raise
    return running


def _install(server: Server) -> Running:
    if shutil.which("apt-get") is None:
        raise Unavailable(f"{platform.system()} has no apt-get to install it with")
    if os.geteuid() != 0:
        raise Unavailable(f"not root; run: apt-get install {' '.join(server.packages)}")
    with _installing:
        _apt_get(server.packages)
    return _private(server)


def _apt_get(packages: Sequence[str]) -> None:
    # policy-rc.d is Debian's own way to keep a package from starting its service.
    silenced = not POLICY.exists()
    if silenced:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        _run(["apt-get", "-qq", "update"], seconds=180)
        _run(["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages], seconds=600)
    finally:
        if silenced:
            POLICY.unlink(missing_ok=True)


def _compose(server: Server) -> Running:
    if shutil.which("docker") is None:
        raise Unavailable("docker is not installed")
    _run(["docker", "info", "--format", "{{.ID}}"], seconds=20)
    compose = ["docker", "compose", "--file", str(COMPOSE_FILE)]
    _run([*compose, "up", "--detach", "--wait", server.name], seconds=300)

    def stop() -> None:
        _run([*compose, "rm", "--stop", "--force", "--volumes", server.name], seconds=60)

    try:
        address = _run([*compose, "port", server.name, str(server.compose_port)], seconds=20)
        host, _, port = address.strip().rpartition(":")
        url = server.compose_url(host, int(port))
        eventually(lambda: server.check(url), "the container")
    except Unavailable:
        stop()
        raise
    return Running(url, way="compose", stop=stop)


def _run(command: Sequence[str], *, seconds: float) -> str:
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=environ,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{' '.join(command[:3])}: {error}") from error
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        last = lines[-1] if lines else f"exit status {done.returncode}"
        raise Unavailable(f"{' '.join(command[:3])}: {last}")
    return done.stdout


_WAYS: dict[str, Callable[[Server], Running]] = {
    "local": _local,
    "private": _private,
    "install": _install,
    "compose": _compose,
}
