"""Celery's processes and ours on one Redis: client of one, worker of the other."""

import secrets
import time
from importlib import util

import pytest

from celeriac.domain.tasks import states
from tests.integration.cli.running import eventually
from tests.integration.rabbitmq.place import AmqpPlace

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]


@pytest.fixture
def place(tmp_path, redis_url):
    prefix = {"global_keyprefix": f"with-{secrets.token_hex(4)}-"}
    place = AmqpPlace(
        *(tmp_path, redis_url, redis_url),
        broker_transport_options=prefix,
        result_backend_transport_options=prefix,
    )
    yield place
    place.close()
    assert place.left_over() == []


def test_celerys_client_is_served_by_our_worker(place):
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


def test_our_client_is_served_by_celerys_worker(place):
    place.worker("-c", "2", kind="celery")

    began = time.time()
    late = place.send("when", countdown=2)
    linked = place.send("add", 3, 4, link=place.app.signature("shop.note"))
    again = place.send("again", 2)
    failed = place.send("fail", link_error=place.app.signature("shop.mourn"))
    expired = place.send("nap", "expired", 0.0, countdown=1, expires=0.5)
    revoked = place.send("nap", "revoked", 0.0, countdown=1.5)
    place.app.control.revoke(revoked.id)

    assert linked.get(timeout=20) == 7
    assert again.get(timeout=20) == 2
    assert isinstance(failed.get(timeout=20, propagate=False), ValueError)
    assert late.get(timeout=20) - began >= 2.0
    eventually(lambda: revoked.state == states.REVOKED, lambda: str(place))
    eventually(lambda: expired.state == states.REVOKED, lambda: str(place))
    eventually(lambda: "noted 7" in place.marks(), lambda: str(place))
    eventually(lambda: f"mourned {failed.id}" in place.marks(), lambda: str(place))
    assert not any("revoked" in line or "expired" in line for line in place.marks())


def test_both_kinds_of_workers_share_a_queue(place):
    # What one of them tries again, or puts aside until it is due, may be run by the other.
    ours, theirs = place.worker("-c", "1"), place.worker("-c", "1", kind="celery")

    naps = [place.send("nap", f"n{number}", 0.2) for number in range(20)]
    late = [place.send("add", number, 1, countdown=1) for number in range(10)]
    again = [place.send("again", 1) for _ in range(4)]

    assert [result.get(timeout=30) for result in naps] == [f"n{n}" for n in range(20)]
    assert [result.get(timeout=30) for result in late] == list(range(1, 11))
    assert [result.get(timeout=30) for result in again] == [1] * 4
    begun = [line.split() for line in place.marks() if line.startswith("begin")]
    assert sorted(name for _, name, _ in begun) == sorted(f"n{n}" for n in range(20))
    assert len({pid for *_, pid in begun}) == 2
    assert (ours.stop(), theirs.stop()) == (0, 0)


def test_what_waits_for_a_worker_of_celerys_is_taken_by_ours_and_put_aside(place):
    began = time.time()
    late = place.send("when", countdown=4)
    place.worker("-c", "1")

    assert place.send("add", 1, 1).get(timeout=20) == 2
    assert late.get(timeout=20) - began >= 4.0
