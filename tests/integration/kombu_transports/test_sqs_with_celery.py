"""Celery's client and our worker on SQS, as moto plays it, with results in Redis."""

import secrets
from importlib import util

import pytest

from celeriac.domain.tasks import states
from tests.integration.rabbitmq.place import AmqpPlace
from tests.servers.moto import moto_server

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]


@pytest.fixture
def place(tmp_path, redis_url):
    folder = tmp_path / "shop"
    folder.mkdir()
    with moto_server() as url:
        options = {
            "region": "eu-west-1",
            "queue_name_prefix": f"shop-{secrets.token_hex(3)}-",
            "wait_time_seconds": 1,
            "polling_interval": 0.2,
        }
        broker = f"sqs://key:secret@{url.removeprefix('http://')}"
        place = AmqpPlace(folder, broker, redis_url, broker_transport_options=options)
        try:
            yield place
        finally:
            place.app.close()
            place.close()
    assert list(place.left_over()) == []


def test_celerys_client_is_served_by_our_worker(place):
    place.worker("-c", "2")

    answers = place.ask_by_celery()

    assert answers.pop("late") >= 2.0
    assert answers == {
        "add": 5,
        "linked": 7,
        "chained": 13,
        "again": 2,
        "failed": [states.FAILURE, "ValueError", "this shop is closed"],
    }
