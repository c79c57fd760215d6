"""Fixtures that give a session a place of its own on each server, and what pytest says of them.

Servers are made ready before the first test runs, so that installing one counts against no
test's time limit. A test that asks for its server only while it runs (by `getfixturevalue`)
should carry the mark `needs_server("postgresql")`; without it the fixture provides it then.
Where pytest-xdist spreads the tests, its controller has the servers and its workers borrow them.
"""

from __future__ import annotations

import os
import secrets
import threading
from typing import TYPE_CHECKING, Any

import pytest

from .lending import Borrower, Lender, Source
from .mariadb import MariaDB
from .postgresql import PostgreSQL
from .rabbitmq import RabbitMQ
from .redis import Redis
from .server import Missing, Unavailable
from .ways import provide

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .server import Place, Running, Server

SERVERS: dict[str, type[Server]] = {
    kind.name: kind for kind in (PostgreSQL, MariaDB, Redis, RabbitMQ)
}


class Servers:
    """What this run has of each server. Provides each once; gives everything back.

    `who` is the process that a place is for: each has one of its own.
    """

    def __init__(self) -> None:
        self.running: dict[str, list[Running]] = {}
        self.missing: dict[str, Missing] = {}
        self._kinds: dict[str, Server] = {}
        self._places: dict[tuple[str, str], Place] = {}
        self._lock = threading.Lock()
        self._having: dict[str, threading.Lock] = {}

    def url(self, name: str, who: str = "") -> str | Missing:
        """Return where the place on a server is, making it at the first call."""
        if (name, who) in self._places:
            return self._places[name, who].url
        with self._lock:
            having = self._having.setdefault(name, threading.Lock())
        with having:
            if name not in self.missing and name not in self.running:
                self._provide(name)
        match self._make_place(name, having):
            case Missing() as missing:
                return missing
            case place:
                self._places[name, who] = place
                return place.url

    def close(self) -> list[str]:
        """Remove every place and stop every server of ours; return what went wrong."""
        ends = [place.remove for place in self._places.values()]
        ends += [running.stop for had in self.running.values() for running in had]
        self._places.clear()
        troubles = []
        for end in ends:
            # Whatever goes wrong with one, the rest must end too.
            try:
                end()
            except Exception as error:
                troubles.append(str(error))
        return troubles

    def _provide(self, name: str, refused: Sequence[str] = (), after: str | None = None) -> None:
        kind = self._kinds.setdefault(name, SERVERS[name]())
        match provide(kind, after=after):
            case Missing() as missing:
                self.missing[name] = Missing(name, (*refused, *missing.reasons))
            case running:
                self.running.setdefault(name, []).append(running)

    def _make_place(self, name: str, having: threading.Lock) -> Place | Missing:
        """Make one where the server was had; where that one is full, on one had in another way."""
        while name not in self.missing:
            running = self.running[name][-1]
            try:
                label = f"celeriac_test_{secrets.token_hex(6)}"
                return self._kinds[name].make_place(running.url, label)
            except (Unavailable, OSError) as error:
                refused = f"{running.way}: {error}"
            with having:
                if self.running[name][-1] is running and name not in self.missing:
                    self._provide(name, [refused], after=running.way)
        return self.missing[name]


_SOURCE = pytest.StashKey[Source]()
_SERVERS = pytest.StashKey[Servers]()
_LENDER = pytest.StashKey[Lender]()
#: Under this name the controller of pytest-xdist tells its workers whom to ask.
_ADDRESS = "celeriac_test_servers"


def pytest_configure(config: pytest.Config) -> None:
    """Begin with nothing provided."""
    told: dict[str, Any] = getattr(config, "workerinput", {})
    if _ADDRESS in told:
        config.stash[_SOURCE] = Borrower(told["workerid"], told[_ADDRESS])
    else:
        config.stash[_SOURCE] = config.stash[_SERVERS] = Servers()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist whom to ask."""
    stash = node.config.stash
    if _LENDER not in stash:
        stash[_LENDER] = Lender(stash[_SERVERS].url)
    node.workerinput[_ADDRESS] = stash[_LENDER].address


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Make ready what the selected tests will ask for."""
    if session.config.option.collectonly or session.testsfailed:
        return
    for name in sorted(needed(session.items)):
        session.config.stash[_SOURCE].url(name)


def needed(items: Iterable[pytest.Item]) -> set[str]:
    """Name the servers these tests ask for, by fixture or by mark."""
    names: set[str] = set()
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        names.update(name for name in SERVERS if f"{name}_url" in fixtures)
        for mark in item.iter_markers("needs_server"):
            names.update(mark.args)
    return names


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With CI=true a missing server fails a run that would else have passed."""
    servers = session.config.stash.get(_SERVERS, None)
    passed = exitstatus in (0, pytest.ExitCode.NO_TESTS_COLLECTED)
    if passed and servers and servers.missing and _in_ci():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where each server came from, or why it did not."""
    servers = terminalreporter.config.stash.get(_SERVERS, None)
    if not servers or not (servers.running or servers.missing):
        return
    terminalreporter.section("test servers")
    for name, had in sorted(servers.running.items()):
        terminalreporter.line(f"{name}: {', '.join(running.way for running in had)}")
    consequence = "with CI=true this fails the run" if _in_ci() else "its tests were skipped"
    for _, missing in sorted(servers.missing.items()):
        terminalreporter.line(f"MISSING {missing} ({consequence})", red=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give everything back."""
    source = config.stash.get(_SOURCE, None)
    troubles = source.close() if source else ()
    if _LENDER in config.stash:
        config.stash[_LENDER].close()
    for trouble in troubles:
        print(f"test servers: {trouble}")  # noqa: T201 - pytest's reporter is gone by now


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true")


def _url(config: pytest.Config, name: str) -> str:
    match config.stash[_SOURCE].url(name):
        case Missing() as missing:
            pytest.skip(str(missing))
        case url:
            return url


@pytest.fixture(scope="session")
def postgresql_url(pytestconfig: pytest.Config) -> str:
    """An empty PostgreSQL database of this session's own (`postgresql+psycopg://`)."""
    return _url(pytestconfig, "postgresql")


@pytest.fixture(scope="session")
def mariadb_url(pytestconfig: pytest.Config) -> str:
    """An empty MariaDB or MySQL database of this session's own (`mysql+pymysql://`)."""
    return _url(pytestconfig, "mariadb")


@pytest.fixture(scope="session")
def redis_url(pytestconfig: pytest.Config) -> str:
    """A Redis database of this session's own, empty but for the key that marks it (`redis://`)."""
    return _url(pytestconfig, "redis")


@pytest.fixture(scope="session")
def rabbitmq_url(pytestconfig: pytest.Config) -> str:
    """A RabbitMQ virtual host of this session's own (`amqp://`)."""
    return _url(pytestconfig, "rabbitmq")
