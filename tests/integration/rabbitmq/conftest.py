"""A place for each test, which nothing may outlive."""

import sys

import pytest

from .place import AmqpPlace
from .workers import Workers

CLASSIC = {}
QUORUM = {"task_default_queue_type": "quorum"}
TOPIC = {"topic": True}


@pytest.fixture
def make_place(tmp_path, rabbitmq_url, redis_url):
    if sys.platform != "linux":
        pytest.skip("looks for stragglers in /proc")
    made = []

    def make(**conf):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(AmqpPlace(folder, rabbitmq_url, redis_url, **conf))
        return made[-1]

    try:
        yield make
    finally:
        for place in made:
            place.close()
    assert [left for place in made for left in place.left_over()] == []


@pytest.fixture
def place(make_place):
    return make_place()


@pytest.fixture(params=["classic", "quorum"])
def hire(request, rabbitmq_url):
    """Make brokers of several workers with one ledger."""
    workers = Workers(rabbitmq_url, request.param)
    yield workers
    workers.close()
