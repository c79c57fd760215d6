"""Results in Celery's layout: written as Celery reads them, and read as Celery wrote them."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime

import pytest
from sqlalchemy import (
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
)

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.sql.engine import SqlStore
from celeriac.adapters.sql.flavours import flavour_of
from celeriac.adapters.sql.results import SqlResults
from celeriac.adapters.sql.schema import Names
from celeriac.adapters.sql.urls import parse
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import Extended, GroupRecord, ResultRecord

from .places import ON_EACH_DATABASE, empty_place  # noqa: F401 - a fixture

pytestmark = ON_EACH_DATABASE

NOON = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)

CELERYS = MetaData()
TASK = Table(
    "celery_taskmeta",
    CELERYS,
    Column("id", Integer, Sequence("task_id_sequence"), primary_key=True, autoincrement=True),
    Column("task_id", String(155), unique=True),
    Column("status", String(50)),
    Column("result", LargeBinary, nullable=True),
    Column("date_done", DateTime, nullable=True),
    Column("traceback", Text, nullable=True),
)
GROUP = Table(
    "celery_tasksetmeta",
    CELERYS,
    Column("id", Integer, Sequence("taskset_id_sequence"), primary_key=True, autoincrement=True),
    Column("taskset_id", String(155), unique=True),
    Column("result", LargeBinary, nullable=True),
    Column("date_done", DateTime, nullable=True),
)


def results_at(place, names=None):
    store = SqlStore(flavour_of(parse(place.url)), clock=SystemClock(), names=names)
    return SqlResults(store)


def test_a_row_is_what_celery_reads(place):
    results = results_at(place)
    record = ResultRecord(
        "a",
        "SUCCESS",
        Payload(b'{"x": 1}'),
        children=([["child", None], None],),
        date_done=NOON,
        extended=Extended("tasks.add", Payload(b"[1]"), Payload(b"{}"), "w@h", 2, "jobs"),
    )
    bare = ResultRecord("b", "STARTED", None)
    results.store([record, bare])
    results.save_groups([GroupRecord("g", [["g", None], []], NOON)])
    columns = "task_id, status, result, date_done, traceback, children, name, args, kwargs, worker"

    with place.transaction() as connection:
        # By its own types, as Celery's models have them.
        done = connection.execute(
            select(TASK.c.date_done).where(TASK.c.task_id == "a")
        ).scalar_one()
        rows = connection.execute(
            text(f"SELECT {columns}, retries, queue, stamps FROM celery_taskmeta ORDER BY task_id")
        ).all()
        group = connection.execute(select(GROUP.c.result, GROUP.c.date_done)).one()

    assert done == NAIVE
    first, second = (row._asdict() for row in rows)
    assert first | {"date_done": None} == {
        "task_id": "a",
        "status": "SUCCESS",
        "result": b'{"x": 1}',
        "date_done": None,
        "traceback": None,
        "children": b'[[["child",null],null]]',
        "name": "tasks.add",
        "args": b"[1]",
        "kwargs": b"{}",
        "worker": "w@h",
        "retries": 2,
        "queue": "jobs",
        "stamps": None,
    }
    assert set(second.values()) == {"b", "STARTED", None}
    assert (json.loads(group.result), group.date_done) == ([["g", None], []], NAIVE)
    results.close()


def test_tables_that_celery_made_are_completed_and_both_go_on_writing(place):
    pickled = pickle.dumps({"x": 1})
    with place.transaction() as connection:
        CELERYS.create_all(connection)
        connection.execute(
            insert(TASK).values(task_id="old", status="SUCCESS", result=pickled, date_done=NAIVE)
        )

    results = results_at(place)
    results.store([ResultRecord("ours", "SUCCESS", Payload(b"1"), date_done=NOON)])
    results.save_groups([GroupRecord("ours", [], NOON)])
    with place.transaction() as connection:
        for name in ("new", "newer"):
            connection.execute(insert(TASK).values(task_id=name, status="STARTED"))
        connection.execute(insert(GROUP).values(taskset_id="theirs", result=b"[]", date_done=NAIVE))
    results.store([ResultRecord("ours too", "FAILURE", Payload(b"{}"), date_done=NOON)])

    assert results.fetch(["old", "ours", "new", "ours too"]) == [
        ResultRecord(
            "old", "SUCCESS", Payload(pickled, "application/x-python-serialize", "binary"),
            date_done=_kept(place),
        ),
        ResultRecord("ours", "SUCCESS", Payload(b"1"), date_done=_kept(place)),
        ResultRecord("new", "STARTED"),
        ResultRecord("ours too", "FAILURE", Payload(b"{}"), date_done=_kept(place)),
    ]  # fmt: skip
    found = results.fetch_groups(["ours", "theirs"])
    assert [group and group.group_id for group in found] == ["ours", "theirs"]
    results.close()


def test_tables_may_have_other_names(place):
    results = results_at(place, Names(task="my_tasks", group="my_groups"))
    results.store([ResultRecord("a", "SUCCESS", Payload(b"1"), date_done=NOON)])

    with place.transaction() as connection:
        tables = set(inspect(connection).get_table_names())
        stored = connection.execute(text("SELECT task_id FROM my_tasks")).all()

    assert stored == [("a",)]
    assert {"my_tasks", "my_groups"} <= tables
    assert tables.isdisjoint({"celery_taskmeta", "celery_tasksetmeta"})
    results.close()


def _kept(place):
    return NOON if place.keeps_microseconds else NOON.replace(microsecond=0)


@pytest.fixture(autouse=True)
def precision(place):
    """MySQL's plain DATETIME, which Celery's tables have, counts whole seconds."""
    place.keeps_microseconds = not place.url.startswith("mysql")
