"""A forked process leaves its parent's connections alone."""

from __future__ import annotations

import os

import pytest

from tests.contracts.samples import JOBS, claim, ids, message, messages, publish
from tests.integration.redis.places import empty_place

pytestmark = pytest.mark.needs_server("redis")
__all__ = ["empty_place"]


def in_child(action):
    """Run something in a forked process; tell whether it went well."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def test_parent_and_child_both_go_on(place):
    broker = place.broker()
    broker.enlist("parent@host", 60)
    publish(broker, *messages(2))

    def publish_some():
        for number in range(20):
            publish(broker, message(f"c{number:03}"))

    assert in_child(publish_some)

    assert broker.depth([JOBS]) == {JOBS: 22}
    assert ids(claim(broker, limit=3)) == ["m000", "m001", "c000"]
