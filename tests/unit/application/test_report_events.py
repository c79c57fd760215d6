"""What a worker's hub takes down, and how it is told."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from celeriac.adapters.memory import MemoryBus, MemoryStore
from celeriac.application.chronicle import MOST, Chronicle
from celeriac.application.report_events import Reporter
from celeriac.domain.cluster.events import Source, Vitals
from celeriac.domain.cluster.logical_clock import LogicalClock
from celeriac.domain.cluster.speech import Topic
from celeriac.domain.errors import BrokerUnavailable, NotRegistered, TaskRevokedError
from celeriac.domain.messaging.delivery import Token, Undecodable
from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.core import WorkerCore, WorkerPolicy
from celeriac.domain.work.effects import Bury
from celeriac.domain.work.job import Began, Cancelled, Lost, Report, TimedOut
from tests.unit.domain.samples import delivered, message

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Task:
    def __init__(self, send_events=True):
        self.resolved = TaskOptions("add", send_events=send_events)


class Noon:
    def now(self):
        return NOON

    def monotonic(self):
        return 0.0


TASKS = {"add": Task(), "quiet": Task(send_events=False)}


@pytest.fixture
def core():
    return WorkerCore(WorkerPolicy(4), lambda name: TASKS[name].resolved if name in TASKS else None)


@pytest.fixture
def chronicle(core):
    chronicle = Chronicle(core, TASKS.get, Noon())
    chronicle.on = True
    return chronicle


def told(chronicle):
    """Return the types and ids taken down since the last time."""
    found = []
    while not chronicle.happened.empty():
        found += [(kind, fields["uuid"]) for kind, _, fields in chronicle.happened.get()]
    return found


def running(core, *deliveries):
    core.on_deliveries(deliveries, NOON, 0.0)
    core.start(10)
    return [number for number, _ in core.jobs()]


def got(tag, task="add"):
    return delivered(message(f"id-{tag}", task), tag)


def test_while_it_is_off_tasks_are_counted_and_no_more(core, chronicle):
    chronicle.on = False
    (number,) = running(core, got(1))

    chronicle.received([got(1), got(2), Undecodable(b"", Token(3, 1), "q", "garbage")])
    chronicle.saw(Began([number], 1))
    chronicle.reports([Report(number, "SUCCESS")])
    chronicle.buried(Bury(number, got(1), TaskRevokedError("revoked")))

    assert chronicle.totals == {"add": 2}
    assert told(chronicle) == []


def test_tasks_that_want_no_events_have_none(core, chronicle):
    quiet = got(1, "quiet")
    (number,) = running(core, quiet)

    chronicle.received([quiet])
    chronicle.saw(Began([number], 1))
    chronicle.reports([Report(number, "SUCCESS")])
    chronicle.buried(Bury(9, quiet, TaskRevokedError("revoked")))

    assert told(chronicle) == []


def test_a_task_that_nobody_saw_begin_is_told_to_have_begun(core, chronicle):
    seen, unseen = running(core, got(1), got(2))
    chronicle.saw(Began([seen], 1))
    assert told(chronicle) == [("task-started", "id-1")]

    chronicle.reports([Report(seen, "SUCCESS"), Report(unseen, "SUCCESS", runtime=2.0)])

    ((_, _, _), (started, when, _), (_, ended, _)) = chronicle.happened.get()
    assert (started, when, ended) == ("task-started", NOON.timestamp() - 2, NOON.timestamp())


@pytest.mark.parametrize(
    "end",
    [
        lambda number: Lost([number], [], "it died"),
        lambda number: Cancelled([number]),
        lambda number: TimedOut(number, 1.0),
    ],
)
def test_beginnings_of_what_the_pool_gave_up_are_forgotten(core, chronicle, end):
    (number,) = running(core, got(1))
    chronicle.saw(Began([number], 1))

    chronicle.saw(end(number))

    assert chronicle._begun == set()


def test_reports_of_jobs_no_longer_ours_are_passed_over(chronicle):
    chronicle.reports([Report(99, "SUCCESS")])
    chronicle.saw(Began([99], 1))

    assert told(chronicle) == []


def test_why_a_task_is_not_run_is_told(chronicle):
    chronicle.signals["id-3"] = 9
    for tag, error in enumerate(("revoked", "expired", "terminated", "terminated"), 1):
        chronicle.buried(Bury(tag, got(tag), TaskRevokedError(error)))
    chronicle.buried(Bury(5, got(5, "unknown"), NotRegistered("unknown")))

    happened = [chronicle.happened.get()[0] for _ in range(5)]
    ends = [(f["terminated"], f["signum"], f["expired"]) for _, _, f in happened[:4]]
    assert ends == [
        (False, None, False),
        (False, None, True),
        (True, 9, False),
        (True, 15, False),
    ]
    assert happened[4][0] == "task-failed"
    assert "unknown" in happened[4][2]["exception"]
    assert chronicle.signals == {}


def test_what_follows_from_a_task_is_told_if_that_is_asked_for(core, chronicle):
    chronicle.tells_of_sending = True
    (number,) = running(core, got(1))

    chronicle.reports([Report(number, "SUCCESS", publish=(message("next"),))])

    assert ("task-sent", "next") in told(chronicle)


def test_what_nobody_reads_does_not_grow_for_ever(chronicle):
    for tag in range(MOST + 10):
        chronicle.received([got(tag)])

    assert chronicle.happened.qsize() == MOST


class Flaky(MemoryBus):
    """A bus whose store is away at first."""

    away = 3

    def broadcast(self, messages):
        self.away -= 1
        if self.away >= 0:
            raise BrokerUnavailable("away") if self.away % 2 else ValueError("broken")
        super().broadcast(messages)


def test_a_store_that_is_away_costs_events_and_nothing_else(core, chronicle):
    bus = Flaky(MemoryStore())
    ear = bus.subscribe([Topic("celeryev")])
    reporter = Reporter(
        lambda: bus,
        "celeryev",
        Source("w@h", 0.0, 1),
        chronicle,
        lambda: Vitals(0.01, 0, 0, [0.0], {}),
        LogicalClock(),
        bus.memory.clock,
    )
    reporter.start()
    end = time.monotonic() + 20
    heard = []
    while not heard:
        assert time.monotonic() < end
        heard += ear.receive(0.1)
    chronicle.received([got(1), got(2)])
    reporter.stop()

    heard += ear.receive(0)
    assert {message.key for message in heard} == {
        "worker.heartbeat",
        "task.multi",
        "worker.offline",
    }
    assert [len(said.body) for said in heard if said.key == "task.multi"] == [2]
    assert heard[-1].key == "worker.offline"
