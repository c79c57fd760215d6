"""Celery's processes and ours on one RabbitMQ: client of one, worker of the other."""

import time
from importlib import util

import pytest

from celeriac.domain.tasks import states
from tests.integration.cli.running import eventually

from .conftest import CLASSIC, QUORUM, TOPIC

pytestmark = [
    pytest.mark.needs_server("rabbitmq", "redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]

QUEUES = pytest.mark.parametrize(
    "conf", [CLASSIC, QUORUM, TOPIC], ids=["classic", "quorum", "topic"]
)


@QUEUES
def test_celerys_client_is_served_by_our_worker(make_place, conf):
    place = make_place(**conf)
    place.worker("-c", "2")

    answers = place.ask_by_celery()

    waited = answers.pop("late")
    assert answers == {
        "add": 5,
        "linked": 7,
        "chained": 13,
        "again": 2,
        "failed": [states.FAILURE, "ValueError", "this shop is closed"],
    }
    assert 2.0 <= waited < 10
    eventually(lambda: "noted 7" in place.marks(), lambda: str(place))


@QUEUES
def test_our_client_is_served_by_celerys_worker(make_place, conf):
    place = make_place(**conf)
    began = time.time()
    # Before any worker was there: what is sent first has to make its queue.
    early = place.send("add", 2, 3)
    place.worker("-c", "2", "--without-gossip", kind="celery")

    late = place.send("when", countdown=2)
    sent = time.time()
    linked = place.send("add", 3, 4, link=place.app.signature("shop.note"))
    again = place.send("again", 2)
    failed = place.send("fail")

    assert early.get(timeout=20) == 5
    assert linked.get(timeout=20) == 7
    assert again.get(timeout=20) == 2
    assert isinstance(failed.get(timeout=20, propagate=False), ValueError)
    assert late.get(timeout=20) - sent >= 1.9
    assert time.time() - began < 50
    eventually(lambda: "noted 7" in place.marks(), lambda: str(place))


def test_both_kinds_of_workers_share_a_queue(place):
    place.worker("-c", "1")
    place.worker("-c", "1", kind="celery")

    results = [place.send("nap", f"n{number}", 0.2) for number in range(20)]

    assert [result.get(timeout=30) for result in results] == [f"n{n}" for n in range(20)]
    begun = [line.split() for line in place.marks() if line.startswith("begin")]
    assert sorted(name for _, name, _ in begun) == sorted(f"n{n}" for n in range(20))
    assert len({pid for *_, pid in begun}) == 2


def test_celerys_control_finds_our_worker_and_ours_finds_celerys(place):
    place.worker("-c", "1")
    place.worker("-c", "1", kind="celery")

    names = sorted(
        name.split("-")[0] for reply in place.app.control.ping(timeout=3) for name in reply
    )
    asked = place.start(
        "-A", "shop", "inspect", "ping", environ=place.environ("celery"), kind="celery"
    )

    assert names == ["celeriac", "celery"]
    assert asked.exit_code() == 0, str(place)
    assert "2 nodes online" in asked.output
