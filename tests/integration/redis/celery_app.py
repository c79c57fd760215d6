"""An app of Celery's, for a worker of Celery's in a process of its own."""

from __future__ import annotations

import os
import time

from celery import Celery

app = Celery("tasks", broker=os.environ["TEST_REDIS"], backend=os.environ["TEST_REDIS"])
app.conf.broker_transport_options = {"global_keyprefix": os.environ["TEST_PREFIX"]}
app.conf.result_backend_transport_options = {"global_keyprefix": os.environ["TEST_PREFIX"]}
app.conf.worker_prefetch_multiplier = 1
app.conf.task_default_queue = "jobs"


@app.task(name="tasks.add")
def add(x, y):
    """Add."""
    return x + y


@app.task(name="tasks.nap", acks_late=True)
def nap(name, seconds):
    """Sleep."""
    time.sleep(seconds)
    return f"{name} there"
