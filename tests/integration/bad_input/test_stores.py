"""Stores that are unknown, without driver, out of reach, read-only or full: said in time.

What the broker's adapters do in each case is theirs to test; here it is seen from `delay()`.
"""

import os
import socket
import sqlite3
import sys
import threading
import time

import pytest

from celeriac import Celeriac
from celeriac.exceptions import (
    BrokerUnavailable,
    MissingExtra,
    StoreFull,
    StoreReadOnly,
    UnknownScheme,
    UnserializableArguments,
)
from tests.servers.processes import free_port

#: Seconds that a publication may take beyond its deadline on a busy machine.
LEEWAY = 3.0


@pytest.fixture
def app_with():
    """A maker of apps that are closed after the test."""
    apps = []

    def make(broker, **settings):
        apps.append(Celeriac("a", broker=broker, set_as_current=False, **settings))
        apps[-1].task(name="add")(lambda x=0, y=0: x + y)
        return apps[-1]

    yield make
    for app in apps:
        app.close()


def test_an_unknown_scheme_is_answered_with_those_there_are(app_with):
    app = app_with("nats://user:secret@host/5")

    with pytest.raises(UnknownScheme) as refused:
        app.tasks["add"].delay(1, 2)

    assert str(refused.value).startswith("no adapter serves 'nats://…'; known schemes: ")
    for known in ("memory", "mysql", "postgresql", "sqlite"):
        assert known in str(refused.value)
    assert "secret" not in str(refused.value)


def test_an_unknown_scheme_of_results_is_answered_with_those_there_are(app_with):
    app = app_with("memory://", backend="nats://host")

    with pytest.raises(UnknownScheme, match=r"known schemes: .*memory"):
        _ = app.tasks["add"].delay(1, 2).state


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql://user:secret@127.0.0.1/x", "psycopg"),
        ("mysql://user:secret@127.0.0.1/x", "pymysql"),
        ("mariadb://user:secret@127.0.0.1/x", "pymysql"),
    ],
)
def test_a_missing_driver_is_named_with_the_extra_that_brings_it(
    app_with, monkeypatch, url, driver
):
    for name in [name for name in sys.modules if name.partition(".")[0] == driver]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, driver, None)
    app = app_with(url)

    with pytest.raises(MissingExtra, match=r"pip install 'celeriac\[sql\]'") as refused:
        app.tasks["add"].delay(1, 2)

    assert driver in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.fixture
def closed_port():
    """A port that nobody listens on."""
    return free_port()


@pytest.fixture
def mute_port():
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()[1]


DATABASES = ["postgresql", "mysql", "mariadb"]


@pytest.mark.parametrize("scheme", DATABASES)
def test_a_server_that_refuses_is_unavailable(app_with, closed_port, scheme):
    app = app_with(f"{scheme}://u:secret@127.0.0.1:{closed_port}/x", broker_publish_timeout=1)
    begun = time.monotonic()

    with pytest.raises(BrokerUnavailable) as away:
        app.tasks["add"].delay(1, 2)

    assert time.monotonic() - begun < 1 + LEEWAY
    assert "secret" not in str(away.value)


@pytest.mark.parametrize("scheme", DATABASES)
def test_a_server_that_never_answers_is_unavailable_within_the_deadline(
    app_with, mute_port, scheme
):
    app = app_with(f"{scheme}://u:secret@127.0.0.1:{mute_port}/x", broker_publish_timeout=1)
    begun = time.monotonic()

    with pytest.raises(BrokerUnavailable):
        app.tasks["add"].delay(1, 2)

    assert time.monotonic() - begun < 1 + LEEWAY


def test_the_deadline_is_five_seconds_unless_something_else_is_said(app_with):
    assert app_with("memory://").conf.broker_publish_timeout == 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_only_be_read_says_so(app_with, tmp_path):
    path = tmp_path / "a.db"
    app_with(f"sqlite:///{path}").tasks["add"].delay(1, 2)
    path.chmod(0o444)
    tmp_path.chmod(0o555)

    with pytest.raises(StoreReadOnly, match=r"a\.db"):
        app_with(f"sqlite:///{path}").tasks["add"].delay(1, 2)


def test_a_database_that_is_opened_for_reading_only_says_so(app_with, tmp_path):
    path = tmp_path / "a.db"
    app = app_with(f"sqlite:///{path}")
    app.tasks["add"].delay(1, 2)
    app.close()

    with pytest.raises(StoreReadOnly):
        app_with(f"sqlite:///file:{path}?mode=ro&uri=true").tasks["add"].delay(1, 2)


def test_a_folder_that_is_not_there_is_said_at_the_call(app_with, tmp_path):
    with pytest.raises(BrokerUnavailable, match="nowhere"):
        app_with(f"sqlite:///{tmp_path}/nowhere/a.db", task_publish_retry=False).tasks["add"].delay(
            1, 2
        )


def test_a_file_that_is_no_database_is_said_at_the_call(app_with, tmp_path):
    path = tmp_path / "a.db"
    path.write_text("dear diary " * 1000)

    with pytest.raises(Exception, match=r"a\.db") as refused:
        app_with(f"sqlite:///{path}", task_publish_retry=False).tasks["add"].delay(1, 2)

    assert type(refused.value).__module__.startswith("celeriac.")


def test_a_full_store_says_so_and_takes_messages_again_when_there_is_room(
    app_with, tmp_path, monkeypatch
):
    path = tmp_path / "a.db"
    app = app_with(f"sqlite:///{path}", task_publish_retry=False)
    text = app.task(name="text")(len)
    text.delay("small")
    pages = sqlite3.connect(path).execute("PRAGMA page_count").fetchone()[0]
    connect = sqlite3.connect
    limit = [pages + 5]

    def connect_to_small_disk(*args, **kwargs):
        connection = connect(*args, **kwargs)
        connection.execute(f"PRAGMA max_page_count = {limit[0]}")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_to_small_disk)
    monkeypatch.setattr("sqlite3.dbapi2.connect", connect_to_small_disk)
    app.close()

    with pytest.raises(StoreFull):
        text.delay("x" * 1_000_000)
    limit[0] = 1_000_000
    app.close()

    assert text.delay("x" * 1_000_000).id
    assert app.broker.depth(["celery"]) == {"celery": 2}


def test_an_argument_that_cannot_be_serialised_is_named_at_the_call(app_with):
    app = app_with("memory://")

    with pytest.raises(
        UnserializableArguments,
        match=r"add: argument y \(lock\) cannot be serialized as json.*pass plain data",
    ):
        app.tasks["add"].delay(1, y=threading.Lock())

    assert app.broker.depth(["celery"]) == {"celery": 0}
