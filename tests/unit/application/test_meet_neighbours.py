"""What workers tell each other when they meet."""

from __future__ import annotations

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore
from celeriac.domain.cluster.control import Request, request_in
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


def revoked_by(app, node):
    return set(app.control.inspect([node], timeout=20).revoked()[node])


def test_a_worker_that_comes_learns_what_those_there_know(app, store):
    with running_worker(app, hostname="old@h"):
        app.control.revoke(["a", "b"], reply=True, limit=1, timeout=20)

        with app_on(store) as newer, running_worker(newer, hostname="new@h"):
            eventually(lambda: revoked_by(app, "new@h") == {"a", "b"})


def test_a_worker_that_mingles_with_nobody_says_no_hello(app):
    ear = app.container.bus().subscribe([Topic("celery.pidbox")])

    with running_worker(app, hostname="new@h", mingle=False):
        app.control.ping(limit=1, timeout=20)

    (said,) = ear.receive(0)
    assert request_in(said.body).method == "ping"


@pytest.mark.parametrize(
    "answer",
    [None, "garbage", {}, {"clock": "noon", "revoked": [1, None]}, {"revoked": None, "clock": 5}],
)
def test_answers_that_say_nothing_do_no_harm(app, answer):
    bus = app.container.bus()
    ear = bus.subscribe([Topic("celery.pidbox")])

    with running_worker(app, hostname="new@h"):
        (hello,) = [request_in(said.body) for said in ear.receive(20)]
        headers = {"ticket": hello.ticket}
        bus.reply(hello.reply_to, [BusMessage("", {"strange@h": answer}, headers=headers)])
        assert revoked_by(app, "new@h") == set()

    assert hello == Request(
        "hello",
        {"from_node": "new@h", "revoked": []},
        ticket="new@h",
        reply_to=hello.reply_to,
    )
