"""A kind of server that needs no process, to test how servers are had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers.server import Failed, Place, Running, Server, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence


class InMemory(Server):
    """Answers at the addresses it is told; remembers what was made and stopped."""

    name = "inmemory"
    packages = ("inmemory-server",)
    compose_port = 1

    def __init__(self, *, answering: Sequence[str] = (), installed: bool = False) -> None:
        self.answering = set(answering)
        self.installed = installed
        self.full: set[str] = set()
        self.history: list[str] = []

    def check(self, url: str) -> None:
        if url not in self.answering:
            raise Unavailable(f"{url}: nobody there")

    def local_urls(self) -> Sequence[str]:
        return ["inmemory://usual", "inmemory://other"]

    def start(self) -> Running:
        if not self.installed:
            raise Unavailable("inmemoryd is not installed")
        self.history.append("started")
        return Running("inmemory://private", "private", self._stop, self._alive)

    def compose_url(self, host: str, port: int) -> str:
        return f"inmemory://{host}:{port}"

    def make_place(self, url: str, name: str) -> Place:
        if url in self.full:
            raise Unavailable("it is full")
        self.history.append("made a place")
        return Place(f"{url}/{name}", remove=lambda: self.history.append("removed it"))

    def _stop(self) -> None:
        self.history.append("stopped")

    def _alive(self) -> None:
        if "inmemory://private" not in self.answering:
            raise Failed("it ended with status 1: disk full")
