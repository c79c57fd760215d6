"""Celery's own clients and workers on the same queues as ours."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import util

import pytest

from celeriac.domain.messaging.message import TaskMessage
from tests.contracts.samples import JOBS, claim_one, publish
from tests.integration.redis.places import empty_place

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]
__all__ = ["empty_place"]

MODULE = "tests.integration.redis.celery_app"


def environment(place):
    return os.environ | {"TEST_REDIS": place.url, "TEST_PREFIX": place.prefix}


def test_a_call_by_celerys_client_is_claimed_here(place):
    call = f"from {MODULE} import add; print(add.apply_async((2,), {{'y': 3}}, task_id='c').id)"
    subprocess.run([sys.executable, "-c", call], env=environment(place), check=True, timeout=60)
    broker = place.broker()
    broker.enlist("w@host", lease=10)

    delivery = claim_one(broker)

    assert (delivery.message.id, delivery.message.task) == ("c", "tasks.add")
    assert delivery.message.body == (
        b'[[2], {"y": 3}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
    )
    assert delivery.message.headers["argsrepr"] == "(2,)"


@pytest.mark.parametrize("wait", [0, 3])
def test_a_call_from_here_is_carried_out_by_celerys_worker(place, wait):
    embed = b'{"callbacks": null, "errbacks": null, "chain": null, "chord": null}'
    eta = datetime.now(UTC) + timedelta(seconds=wait) if wait else None
    sent = TaskMessage(
        *("c", "tasks.add", b"[[2, 3], {}, " + embed + b"]"),
        queue=JOBS,
        routing_key=JOBS,
        eta=eta,
    )
    publish(place.broker(host_time=True), sent)
    results = place.results(host_time=True)
    options = "worker -P solo -l error --without-gossip --without-mingle --without-heartbeat"
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", MODULE, *options.split()],
        env=environment(place),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        (found,) = results.watch(["c"], wait=60)
    finally:
        worker.terminate()
        worker.wait(timeout=60)

    assert (found.state, found.result.data) == ("SUCCESS", b"5")
    assert eta is None or found.date_done >= eta
