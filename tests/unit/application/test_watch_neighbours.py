"""What a worker knows of the others, and elections among them."""

from __future__ import annotations

import logging
from contextlib import ExitStack

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore
from celeriac.domain.cluster.speech import BusMessage, Topic
from celeriac.entrypoints.testing import running_worker
from tests.waiting import eventually


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def app(store):
    with app_on(store) as app:
        yield app


def app_on(store):
    broker, results = MemoryBroker(store), MemoryResults(store)
    return Celeriac("a", broker=broker, backend=results, set_as_current=False)


def known_to(worker):
    return {one.hostname for one in worker.gossip.state.alive_workers()}


def test_one_of_all_workers_runs_the_task_of_an_election(store, app):
    names = {"a@h", "b@h", "c@h"}
    ran = []
    with ExitStack() as party:
        workers = []
        for name in sorted(names):
            member = party.enter_context(app_on(store))
            member.task(ran.append, name="note")
            options = {"hostname": name, "heartbeat_interval": 1}
            workers.append(party.enter_context(running_worker(member, **options)))
        for worker in workers:
            eventually(lambda worker=worker: known_to(worker) == names - {worker.node})

        for number in range(5):
            app.control.election(f"e{number}", "task", app.signature("note", (number,)))
            eventually(lambda number=number: number in ran)
        app.control.ping(limit=3, timeout=20)  # nothing of the elections is on its way any more

    assert ran == [0, 1, 2, 3, 4]


def test_a_worker_that_is_alone_wins(app):
    ran = []
    app.task(ran.append, name="note")

    with running_worker(app, hostname="a@h"):
        app.control.election("e", "task", app.signature("note", (1,)))
        eventually(lambda: ran == [1])


def test_without_gossip_no_worker_is_listened_to_and_none_stands(app):
    ear = app.container.bus().subscribe([Topic("celeryev", "worker.elect.#")])

    with running_worker(app, hostname="a@h", gossip=False) as worker:
        app.control.election("e", "task", app.signature("note"))
        app.control.ping(limit=1, timeout=20)
        heard = [topic for one in app.container.bus().memory.subscriptions for topic in one._topics]

    assert worker.gossip is None
    assert ear.receive(0) == ()
    assert Topic("celeryev", "worker.#") not in heard


def test_listeners_are_called_when_a_worker_comes_and_goes(store, app):
    seen = []
    with running_worker(app, hostname="a@h") as worker:
        worker.gossip.on.node_join.add(lambda node: 1 / 0)
        worker.gossip.on.node_join.add(lambda node: seen.append(("join", node.hostname)))
        worker.gossip.on.node_leave.add(lambda node: seen.append(("leave", node.hostname)))

        with app_on(store) as other, running_worker(other, hostname="b@h"):
            eventually(lambda: seen == [("join", "b@h")])

        eventually(lambda: seen == [("join", "b@h"), ("leave", "b@h")])


def test_an_election_on_a_topic_of_ones_own_calls_its_handler(app):
    done = []
    with running_worker(app, hostname="a@h") as worker:
        worker.gossip.election_handlers["shout"] = done.append

        app.control.election("e", "shout", "hey")

        eventually(lambda: done == ["hey"])


def test_an_unknown_topic_is_named_with_those_known(app, caplog):
    with running_worker(app, hostname="a@h"), caplog.at_level(logging.ERROR, "celeriac.worker"):
        app.control.election("e", "nonsense")

        eventually(lambda: "unknown election topic 'nonsense'" in caplog.text)

    assert "known here are task" in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        None,
        "garbage",
        {"type": "worker-elect"},
        {"type": "worker-elect", "id": ["e"], "clock": "noon"},
        {"type": "worker-elect-ack", "id": {}},
        {"type": "worker-heartbeat"},
        {"type": "worker-heartbeat", "hostname": 3, "clock": "noon"},
        {"type": "worker-heartbeat", "hostname": "x@h", "timestamp": "noon", "freq": "often"},
    ],
)
def test_what_says_nothing_does_no_harm(app, body):
    ran = []
    app.task(ran.append, name="note")
    with running_worker(app, hostname="a@h"):
        app.container.bus().broadcast([BusMessage("celeryev", body, "worker.elect")])

        app.control.election("e", "task", app.signature("note", (1,)))

        eventually(lambda: ran == [1])
