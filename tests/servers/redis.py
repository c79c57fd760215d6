"""Redis for tests."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .processes import Den, answers, find_binary, free_port
from .server import Place, Running, Server, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

# One step, so that of two sessions that meet at an empty database one goes on to the next. The
# mark stays until the end: an empty database would look free to others between two tests.
CLAIM = "if redis.call('DBSIZE') == 0 then redis.call('SET', KEYS[1], 1) return 1 end return 0"
DATABASES = range(15, 0, -1)  # Redis has 16 unless configured; people begin at 0


class Redis(Server):
    """Its places are its numbered databases: an empty one is taken and emptied again."""

    name = "redis"
    packages = ("redis-server",)
    compose_port = 6379

    def check(self, url: str) -> None:
        """Ping it."""
        host, port = _address(url)
        answers(host, port, b"PING\r\n", b"+PONG")

    def local_urls(self) -> Sequence[str]:
        """The usual port."""
        return ["redis://127.0.0.1:6379"]

    def start(self) -> Running:
        """Start one that keeps nothing."""
        binary, port = find_binary("redis-server", "valkey-server"), free_port()
        den = Den.dig("redis", "redis")
        options = f"--bind 127.0.0.1 --port {port} --appendonly no --daemonize no".split()
        try:
            started = den.start([binary, *options, "--save", "", "--dir", str(den.folder)])
        except Unavailable:
            den.fill()
            raise
        return Running(f"redis://127.0.0.1:{port}", "private", started.stop, started.check)

    def compose_url(self, host: str, port: int) -> str:
        """The compose file's Redis is open."""
        return f"redis://{host}:{port}"

    def make_place(self, url: str, name: str) -> Place:
        """Mark the first empty database as ours by a key called `name`."""
        for number in DATABASES:
            if _ask(url, ["SELECT", str(number)], ["EVAL", CLAIM, "1", name]) == b":1":
                place = f"{url.rstrip('/')}/{number}"
                return Place(place, remove=partial(_empty, url, number))
        raise Unavailable(f"{url}: none of its databases 1-15 is empty")


def _empty(url: str, number: int) -> None:
    _ask(url, ["SELECT", str(number)], ["FLUSHDB"])


def _ask(url: str, *commands: list[str]) -> bytes:
    """Send commands in Redis's own protocol and return the last reply's first line."""
    with socket.create_connection(_address(url), timeout=5) as connection:
        replies = connection.makefile("rb")
        reply = b""
        for command in commands:
            words = [f"${len(word.encode())}\r\n{word}\r\n" for word in command]
            connection.sendall(f"*{len(words)}\r\n{''.join(words)}".encode())
            reply = replies.readline().rstrip()
        return reply


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 6379
