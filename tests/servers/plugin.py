"""Fixtures that give a session a place of its own on each server, and what pytest says of them.

Servers are made ready before the first test runs, so that installing one counts against no
test's time limit. A test that asks for its server only while it runs (by `getfixturevalue`)
should carry the mark `needs_server("postgresql")`; without it the fixture provides it then.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest

from .mariadb import MariaDB
from .postgresql import PostgreSQL
from .rabbitmq import RabbitMQ
from .redis import Redis
from .server import Missing, Unavailable
from .ways import provide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .server import Place, Running, Server

SERVERS: dict[str, type[Server]] = {
    kind.name: kind for kind in (PostgreSQL, MariaDB, Redis, RabbitMQ)
}


class Servers:
    """What this session has of each server. Provides each once; gives everything back."""

    def __init__(self) -> None:
        self.running: dict[str, Running] = {}
        self.missing: dict[str, Missing] = {}
        self._places: dict[str, Place] = {}

    def place(self, name: str) -> Place | Missing:
        """Return the session's place on a server, making it at the first call."""
        if name not in self._places and name not in self.missing:
            self._provide(name)
        return self.missing.get(name) or self._places[name]

    def close(self) -> list[str]:
        """Remove every place and stop every server of ours; return what went wrong."""
        ends = [place.remove for place in self._places.values()]
        ends += [running.stop for running in self.running.values()]
        self._places.clear()
        troubles = []
        for end in ends:
            # Whatever goes wrong with one, the rest must end too.
            try:
                end()
            except Exception as error:
                troubles.append(str(error))
        return troubles

    def _provide(self, name: str) -> None:
        server = SERVERS[name]()
        match provide(server):
            case Missing() as missing:
                self.missing[name] = missing
            case running:
                self.running[name] = running
                self._make_place(server, running)

    def _make_place(self, server: Server, running: Running) -> None:
        try:
            place = server.make_place(running.url, f"celeriac_test_{secrets.token_hex(6)}")
        except (Unavailable, OSError) as error:
            self.missing[server.name] = Missing(server.name, (f"{running.way}: {error}",))
        else:
            self._places[server.name] = place


_SERVERS = pytest.StashKey[Servers]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin with nothing provided."""
    config.stash[_SERVERS] = Servers()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Make ready what the selected tests will ask for."""
    if session.config.option.collectonly or session.testsfailed:
        return
    for name in sorted(needed(session.items)):
        session.config.stash[_SERVERS].place(name)


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
    servers = session.config.stash[_SERVERS]
    if servers.missing and _in_ci() and exitstatus in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where each server came from, or why it did not."""
    servers = terminalreporter.config.stash[_SERVERS]
    if not servers.running and not servers.missing:
        return
    terminalreporter.section("test servers")
    for name, running in sorted(servers.running.items()):
        terminalreporter.line(f"{name}: {running.way}")
    consequence = "with CI=true this fails the run" if _in_ci() else "its tests were skipped"
    for _, missing in sorted(servers.missing.items()):
        terminalreporter.line(f"MISSING {missing} ({consequence})", red=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give everything back."""
    servers = config.stash.get(_SERVERS, None)
    for trouble in servers.close() if servers else ():
        print(f"test servers: {trouble}")  # noqa: T201 - pytest's reporter is gone by now


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true")


def _url(config: pytest.Config, name: str) -> str:
    match config.stash[_SERVERS].place(name):
        case Missing() as missing:
            pytest.skip(str(missing))
        case place:
            return place.url


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
