"""What a kind of server must be able to say about itself, and what a way hands back.

Adding a kind of server is one class here and one fixture in `plugin`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Unavailable(Exception):
    """This way to the server is closed; the message says why."""


class Failed(Unavailable):
    """It is closed for good: waiting longer will not open it."""


def _nothing_to_do() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers at `url`, on which places may be made; `stop` ends what we started."""

    url: str
    way: str
    stop: Callable[[], None] = field(default=_nothing_to_do)
    check: Callable[[], None] = field(default=_nothing_to_do)
    """Raises Failed once a process of ours has ended."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A server that could not be had, with one reason for each way tried."""

    name: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} is missing: " + "; ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere on a server that is one session's own: a database, a virtual host."""

    url: str
    remove: Callable[[], None]


class Server(Protocol):
    """One kind of server."""

    name: str
    """Also its name in the compose file and, in capitals, in the environment."""

    packages: tuple[str, ...]
    """Debian's packages that bring its binaries."""

    compose_port: int
    """The port it listens on inside its container."""

    @abstractmethod
    def check(self, url: str) -> None:
        """Return if the server at `url` answers and lets us make places.

        Raises:
            Unavailable: it does not; the message says why.
        """

    @abstractmethod
    def local_urls(self) -> Sequence[str]:
        """Where it usually runs, and as whom, most likely first."""

    @abstractmethod
    def start(self) -> Running:
        """Start a private one on a free port from installed binaries.

        Raises:
            Unavailable: a binary is missing or the server does not come up.
        """

    @abstractmethod
    def compose_url(self, host: str, port: int) -> str:
        """Where the one of the compose file answers, published at `host` and `port`."""

    @abstractmethod
    def make_place(self, url: str, name: str) -> Place:
        """Make the place called `name` on the server at `url`."""
