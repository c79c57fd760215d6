"""What goes wrong with files is said with the file's name and what to do."""

from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.sql.broker import SqlBroker
from celeriac.adapters.sql.engine import SqlStore
from celeriac.adapters.sql.results import SqlResults
from celeriac.domain.errors import (
    BackendUnavailable,
    BrokerUnavailable,
    ImproperlyConfigured,
    StoreFull,
    StoreReadOnly,
)
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import ResultRecord

from .actor import JOBS, message


def store_at(path, query=""):
    return SqlStore.from_url(f"sqlite:///{path}{query}", clock=SystemClock(), timeout=2)


def publish(store, *task_ids, body=b"[]"):
    sent = [replace(message(task_id), body=body) for task_id in task_ids]
    SqlBroker(store).publish(sent, deadline=2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "celeriac.db"


def test_a_folder_is_no_store(tmp_path):
    with pytest.raises(BrokerUnavailable, match=r"is a folder: name a file in it"):
        publish(store_at(tmp_path), "a")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(BrokerUnavailable, match=r"nowhere does not exist: create it"):
        publish(store_at(tmp_path / "nowhere" / "celeriac.db"), "a")


def test_a_file_of_another_kind_is_left_alone(path):
    path.write_text("my diary\n" * 100)

    with pytest.raises(BrokerUnavailable, match=r"celeriac\.db is no SQLite database"):
        publish(store_at(path), "a")

    assert path.read_text() == "my diary\n" * 100


def test_a_damaged_file_is_an_error_of_the_store(path):
    store = store_at(path)
    publish(store, *(f"m{number}" for number in range(500)))
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)

    with pytest.raises(BrokerUnavailable, match=r"restore it from a backup or move it away"):
        publish(store_at(path), "a")


def test_a_store_that_may_only_be_read_is_read_and_not_written(path):
    publish(store_at(path), "a")
    store = store_at(f"file:{path}", "?mode=ro&uri=true")

    assert SqlBroker(store).depth([JOBS]) == {JOBS: 1}
    with pytest.raises(StoreReadOnly, match=r"cannot be written .*let this user write"):
        publish(store, "b")
    with pytest.raises(BackendUnavailable):
        SqlResults(store).store([ResultRecord("a", "SUCCESS", Payload(b"1"))])


def test_a_folder_that_may_not_be_written_is_read_only():
    with pytest.raises(BrokerUnavailable, match=r"/proc/celeriac\.db"):
        publish(store_at("/proc/celeriac.db"), "a")


def test_a_full_store_keeps_what_it_has_and_takes_more_when_there_is_room(path):
    store = store_at(path)
    publish(store, "a")
    limit = "PRAGMA max_page_count"
    store.write(lambda t: t.rows(f"{limit} = 60"))

    with pytest.raises(StoreFull, match=r"is full .*free some space"):
        publish(store, "too much", body=b"x" * 1_000_000)

    store.write(lambda t: t.rows(f"{limit} = 100000"))
    publish(store, "b", body=b"x" * 1_000_000)
    assert [one.id for one in SqlBroker(store).peek(JOBS, 10)] == ["a", "b"]


LIMITED = """
import sys
from tests.integration.sql.test_sqlite_troubles import publish, store_at
from celeriac.domain.errors import StoreFull
try:
    for number in range(1000):
        publish(store_at(sys.argv[1]), f"m{number:04}", body=bytes(20_000))
        print(number, flush=True)
except StoreFull:
    print("full")
"""


def test_a_full_disk_is_a_full_store(path):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    said = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        timeout=50,
    ).stdout.split()

    assert said[-1] == "full"
    stored = [one.id for one in SqlBroker(store_at(path)).peek(JOBS, 1000)]
    assert stored == [f"m{number:04}" for number in range(len(said) - 1)]
    assert len(stored) > 10


def test_how_long_a_commit_waits_for_the_disk_is_chosen_in_the_url(path):
    levels = [
        store_at(path, query).write(lambda t: t.rows("PRAGMA synchronous"))
        for query in ("", "?synchronous=full", "?synchronous=off")
    ]

    assert levels == [[(1,)], [(2,)], [(0,)]]
    with pytest.raises(ImproperlyConfigured, match="expected one of off, normal, full, extra"):
        store_at(path, "?synchronous=maybe")


def test_a_file_of_a_newer_celeriac_is_refused(path):
    publish(store_at(path), "a")
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO celeriac_schema VALUES (9999)")
    connection.close()

    with pytest.raises(ImproperlyConfigured, match=r"made by a newer celeriac .*upgrade"):
        publish(store_at(path), "b")


def test_two_stores_in_memory_are_two(tmp_path):
    one = SqlStore.from_url("sqlite://", clock=SystemClock())
    two = SqlStore.from_url("sqlite://", clock=SystemClock())

    publish(one, "a")

    assert SqlBroker(one).depth([JOBS]) == {JOBS: 1}
    assert SqlBroker(two).depth([JOBS]) == {JOBS: 0}
