"""A place for each test, which nothing may outlive."""

import sys

import pytest

from tests.integration.rabbitmq.place import AmqpPlace


@pytest.fixture
def folder_place(tmp_path, redis_url):
    """A folder of messages, with results in Redis."""
    if sys.platform != "linux":
        pytest.skip("looks for stragglers in /proc")
    folder = tmp_path / "shop"
    folder.mkdir()
    messages, control = folder / "messages", folder / "control"
    messages.mkdir()
    options = {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "polling_interval": 0.1,
    }
    place = AmqpPlace(folder, "filesystem://", redis_url, broker_transport_options=options)
    try:
        yield place
    finally:
        place.close()
    assert list(place.left_over()) == []
