"""One store a database and process: which driver, whose connections, what is tried again."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from functools import partial

import pytest

from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.sql.broker import SqlBroker
from celeriac.adapters.sql.engine import SqlStore
from celeriac.adapters.sql.errors import Trouble
from celeriac.adapters.sql.results import SqlResults
from celeriac.adapters.sql.settler import SqlSettler
from celeriac.adapters.sql.sqlite import SqliteFlavour
from celeriac.adapters.sql.urls import masked, parse
from celeriac.domain.errors import BackendUnavailable, ImproperlyConfigured, MissingExtra

COUNT = "SELECT count(*) FROM celeriac_queue"
ADD = "INSERT INTO celeriac_queue (name, paused) VALUES (?, 0)"


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:///jobs.db", "sqlite"),
        ("db+sqlite:///jobs.db", "sqlite"),
        ("postgresql://h/db", "postgresql+psycopg"),
        ("postgres://h/db", "postgresql+psycopg"),
        ("sqla+postgresql+psycopg2://h/db", "postgresql+psycopg"),
        ("mysql://h/db", "mysql+pymysql"),
        ("db+mysql+mysqldb://h/db", "mysql+pymysql"),
        ("mariadb://h/db", "mysql+pymysql"),
    ],
)
def test_a_url_is_given_the_driver_we_use(given, driver):
    assert parse(given).drivername == driver


def test_a_url_is_shown_without_its_password():
    assert masked(parse("postgresql://me:secret@h/db")) == "postgresql+psycopg://me:***@h/db"


@pytest.mark.parametrize("url", ["sqlite", "postgresql://h:port/db", "oracle://h/db"])
def test_a_url_that_cannot_be_served_is_refused(url):
    with pytest.raises(ImproperlyConfigured, match="expected"):
        SqlStore.from_url(url, clock=VirtualClock())


@pytest.mark.parametrize(
    ("url", "module"), [("postgresql://h/db", "psycopg"), ("mysql://h/db", "pymysql")]
)
def test_a_missing_driver_names_the_extra(monkeypatch, url, module):
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtra, match=r"celeriac\[sql\]"):
        SqlStore.from_url(url, clock=VirtualClock()).open()


def test_a_database_costs_the_memory_of_its_own_dialect_only(tmp_path):
    code = (
        "import sys; from celeriac import Celeriac;"
        f"app = Celeriac(broker='sqlite:///{tmp_path}/jobs.db'); app.broker.purge(['celery']);"
        "dialects = [m for m in sys.modules if m.startswith('sqlalchemy.dialects.')];"
        "print(sorted({m.split('.')[2] for m in dialects}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )

    assert done.stdout == "['_typing', 'sqlite']\n"


def test_broker_and_results_of_one_url_share_a_store(tmp_path):
    clock, path = VirtualClock(), tmp_path / "jobs.db"

    one = SqlStore.from_url(f"sqlite:///{path}", clock=clock)

    assert SqlStore.from_url(f"db+sqlite:///{path}", clock=clock) is one
    assert SqlStore.from_url(f"sqlite:///{path}", clock=VirtualClock()) is not one
    assert SqlStore.from_url(f"sqlite:///{path}.other", clock=clock) is not one


def test_the_last_adapter_that_closes_closes_the_store():
    store = SqlStore.from_url("sqlite://", clock=VirtualClock())
    broker, results = SqlBroker(store), SqlResults(store)
    store.write(lambda t: t.run(ADD, ("a",)))

    broker.close()
    broker.close()
    kept = store.read(lambda t: t.rows(COUNT))
    results.close()

    assert kept == [(1,)]
    # A database in memory is gone with its connection.
    assert store.read(lambda t: t.rows(COUNT)) == [(0,)]
    store.close()


def test_a_settler_of_two_databases_is_refused(tmp_path):
    clock = VirtualClock()
    broker = SqlBroker(SqlStore.from_url(f"sqlite:///{tmp_path / 'one.db'}", clock=clock))
    results = SqlResults(SqlStore.from_url(f"sqlite:///{tmp_path / 'two.db'}", clock=clock))

    with pytest.raises(ValueError, match="two databases"):
        SqlSettler(broker, results)


# -- what is tried again


class Moody(SqliteFlavour):
    """Says of each error what the test wants said."""

    said = Trouble.OTHER

    def trouble(self, error):
        return self.said


def moody_store(path, said):
    flavour = Moody(parse(f"sqlite:///{path / 'jobs.db'}"))
    store = SqlStore(flavour, clock=VirtualClock())
    store.open()
    flavour.said = said
    return store


def add_and_fail(failures, transaction):
    transaction.run(ADD, (f"try {len(failures)}",))
    if failures:
        raise failures.pop()


@pytest.mark.parametrize(
    ("said", "failures", "fails"),
    [
        (Trouble.CONFLICT, 5, False),
        (Trouble.CONFLICT, 50, True),
        (Trouble.LOST, 1, False),
        (Trouble.LOST, 2, True),
        (Trouble.LATE, 1, True),
        (Trouble.REFUSED, 1, True),
        (Trouble.OTHER, 1, True),
    ],
)
def test_only_what_may_work_now_is_tried_again_and_nothing_is_done_twice(
    tmp_path, said, failures, fails
):
    store = moody_store(tmp_path, said)
    errors = [sqlite3.OperationalError("oh no")] * failures
    work = partial(add_and_fail, errors)

    if fails:
        with pytest.raises(Exception, match="oh no"):
            store.write(work, unavailable=BackendUnavailable)
    else:
        store.write(work, unavailable=BackendUnavailable)

    assert store.read(lambda t: t.rows(COUNT)) == [(0 if fails else 1,)]
    store.close()


def test_an_error_of_the_work_itself_rolls_back_and_is_passed_on(tmp_path):
    store = moody_store(tmp_path, Trouble.CONFLICT)

    with pytest.raises(LookupError, match="mine"):
        store.write(partial(add_and_fail, [LookupError("mine")]))

    assert store.read(lambda t: t.rows(COUNT)) == [(0,)]
    store.close()


def test_a_lost_commit_is_not_tried_again(tmp_path):
    store = moody_store(tmp_path, Trouble.LOST)
    runs = []

    def work(transaction):
        runs.append(transaction.run(ADD, ("a",)))
        # The COMMIT that follows finds nothing to commit, which is an error.
        transaction.run("COMMIT")

    with pytest.raises(BackendUnavailable):
        store.write(work, unavailable=BackendUnavailable)

    assert runs == [1]
    store.close()
