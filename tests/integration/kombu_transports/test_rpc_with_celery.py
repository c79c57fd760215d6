"""Results that travel back over the broker: Celery's client and our worker, and the other way."""

from importlib import util

import pytest

from celeriac import chord
from celeriac.domain.errors import NotSupported
from celeriac.domain.tasks import states
from tests.integration.cli.running import eventually
from tests.integration.rabbitmq.place import AmqpPlace

pytestmark = [
    pytest.mark.needs_server("rabbitmq", "redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]


@pytest.fixture(params=["rabbitmq_url", "redis_url"])
def place(request, tmp_path):
    url = request.getfixturevalue(request.param)
    folder = tmp_path / "shop"
    folder.mkdir()
    place = AmqpPlace(folder, url, "rpc://")
    try:
        yield place
    finally:
        place.app.close()
        place.close()
    assert list(place.left_over()) == []


def test_celerys_client_gets_results_from_our_worker(place):
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


@pytest.mark.parametrize("kind", ["celery", "celeriac"])
def test_our_client_gets_results_from_workers_of_both_kinds(place, kind):
    early = place.send("add", 2, 3)
    place.worker("-c", "2", *(["--without-gossip"] if kind == "celery" else []), kind=kind)

    again = place.send("again", 1)
    failed = place.send("fail")
    add = place.app.signature("shop.add", (1, 2))
    chained = (add | place.app.signature("shop.add", (10,))).delay()
    many = [place.send("add", number, 1) for number in range(50)]

    assert early.get(timeout=20) == 5
    assert chained.get(timeout=20) == 13
    assert again.get(timeout=20) == 1
    assert isinstance(failed.get(timeout=20, propagate=False), ValueError)
    assert [result.get(timeout=20) for result in many] == list(range(1, 51))
    assert early.state == states.SUCCESS
    assert place.app.AsyncResult("of somebody else").state == states.PENDING


def test_a_chord_is_refused_at_the_call(place):
    add = place.app.signature("shop.add", (1, 2))

    with pytest.raises(NotSupported, match="rpc://"):
        chord([add, add])(add)
