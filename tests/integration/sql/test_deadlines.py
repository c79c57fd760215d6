"""Nothing hangs: a store that does not answer is an error within the deadline."""

from __future__ import annotations

import select
import socket
from contextlib import contextmanager, suppress
from threading import Thread
from time import monotonic

import pytest
from sqlalchemy import make_url, text

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.sql.broker import SqlBroker
from celeriac.adapters.sql.engine import SqlStore
from celeriac.domain.errors import BrokerUnavailable

from .actor import JOBS, message
from .places import ON_EACH_DATABASE, ON_EACH_SERVER, empty_place  # noqa: F401 - a fixture

SCHEMES = ["postgresql", "mysql"]


def broker_at(url, **options):
    return SqlBroker(SqlStore.from_url(url, clock=SystemClock(), **options))


def seconds_to_refuse(broker, deadline):
    began = monotonic()
    with pytest.raises(BrokerUnavailable):
        broker.publish([message("a")], deadline=deadline)
    return monotonic() - began


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_closed_port_refuses_at_once_and_no_password_is_shown(scheme):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    broker = broker_at(f"{scheme}://me:secret@127.0.0.1:{port}/db")

    with pytest.raises(BrokerUnavailable, match=str(port)) as error:
        broker.publish([message("a")], deadline=5)

    assert "secret" not in str(error.value)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_server_that_never_answers_is_given_up_in_time(scheme):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        broker = broker_at(f"{scheme}://me@127.0.0.1:{port}/db", timeout=2)

        seconds = seconds_to_refuse(broker, 2)

    assert 1 < seconds < 6


class Line:
    """A line to a server that can be made to fall silent without being cut."""

    def __init__(self, host, port):
        self._target = (host, port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.silent = False
        self._ends = []
        Thread(target=self._accept, daemon=True).start()

    def close(self):
        for end in (self._server, *self._ends):
            end.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(self._target)
                self._ends += [near, far]
                Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near, far):
        with suppress(OSError, ValueError):
            while True:
                for end in select.select([near, far], [], [], 1)[0]:
                    said = end.recv(65536)
                    if not said:
                        return
                    if not self.silent:
                        (far if end is near else near).sendall(said)


@contextmanager
def line_to(url):
    line = Line(url.host, url.port)
    try:
        yield line
    finally:
        line.close()


@ON_EACH_SERVER
def test_a_line_that_falls_silent_is_given_up_in_time_and_taken_up_again(place):
    url = make_url(place.url)
    with line_to(url) as line:
        through = url.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
        broker = broker_at(through)
        broker.publish([message("before")], deadline=5)

        line.silent = True
        seconds = seconds_to_refuse(broker, 1)
        line.silent = False

        assert 0.9 < seconds < 5
        broker.publish([message("after")], deadline=5)
        assert broker.depth([JOBS])[JOBS] >= 2
        broker.close()


@ON_EACH_DATABASE
def test_a_store_locked_by_another_is_given_up_in_time(place):
    broker = place.broker(host_time=True)
    broker.publish([message("before")], deadline=5)
    locks = {
        "sqlite": "BEGIN IMMEDIATE",
        "postgresql": "LOCK TABLE celeriac_message IN ACCESS EXCLUSIVE MODE",
        "mysql": "LOCK TABLES celeriac_message WRITE",
    }

    with place.transaction() as connection:
        connection.execute(text(locks[broker.store.dialect]))
        seconds = seconds_to_refuse(broker, 1)
        if broker.store.dialect == "mysql":
            connection.execute(text("UNLOCK TABLES"))

    assert 0.5 < seconds < 5
    broker.publish([message("after")], deadline=5)
    assert broker.depth([JOBS])[JOBS] >= 2
