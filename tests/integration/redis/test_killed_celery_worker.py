"""What a worker of Celery's held when it was killed is run by ours, and beside it what waited."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib import util

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.testing import running_worker
from tests.integration.redis.places import empty_place
from tests.integration.redis.private import eventually

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]
__all__ = ["empty_place"]

MODULE = "tests.integration.redis.celery_app"


def test_what_a_killed_worker_of_celerys_held_is_run_here(place):
    options = {"global_keyprefix": place.prefix, "visibility_timeout": 1}
    app = Celeriac("tasks", broker=place.url, backend=place.url, set_as_current=False)
    app.conf.update(
        broker_transport_options=options,
        result_backend_transport_options={"global_keyprefix": place.prefix},
        task_default_queue="jobs",
    )
    app.task(name="tasks.nap")(lambda name, seconds: f"{name} here")
    results = [app.send_task("tasks.nap", (name, 60)) for name in "abcd"]
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", MODULE, "worker", "-c", "2", "-l", "error"],
        env=os.environ | {"TEST_REDIS": place.url, "TEST_PREFIX": place.prefix},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        eventually(lambda: place.client.hlen(f"{place.prefix}unacked") >= 2, "nothing is taken")
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    index = f"{place.prefix}unacked_index"
    eventually(lambda: place.client.zcount(index, 0, f"({_second_ago(place)}") >= 2, "too young")

    with running_worker(app, pool="threads"):
        found = [result.get(timeout=20) for result in results]

    assert found == [f"{name} here" for name in "abcd"]
    assert place.client.exists(f"{place.prefix}unacked", index) == 0
    app.close()


def _second_ago(place):
    seconds, microseconds = place.client.time()
    return seconds + microseconds / 1e6 - 1.1
