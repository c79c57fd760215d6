"""A worker on Redis keeps failures for a time of their own."""

from __future__ import annotations

from contextlib import closing
from uuid import uuid4

import pytest
import redis

from celeriac import Celeriac, exceptions
from celeriac.entrypoints.testing import running_worker

pytestmark = pytest.mark.needs_server("redis")


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_the_key_of_a_failed_task_lives_as_long_as_failures_do(redis_url, pool, caplog):
    app = Celeriac("kept", broker=redis_url, backend=redis_url, set_as_current=False)
    app.conf.update(
        task_default_queue=f"kept-{uuid4().hex}", result_expires=1000, result_failure_expires=9000
    )
    divide = app.task(name="divide")(lambda a, b: a / b)

    with app, running_worker(app, pool=pool, concurrency=1):
        succeeded, failed = divide.delay(6, 3), divide.delay(6, 0)
        late = divide.apply_async((6, 3), expires=-1)
        assert succeeded.get(timeout=30) == 2
        with pytest.raises(ZeroDivisionError):
            failed.get(timeout=30)
        with pytest.raises(exceptions.TaskRevokedError):
            late.get(timeout=30)
        with closing(redis.Redis.from_url(redis_url)) as client:
            results = (succeeded, failed, late)
            left = [client.ttl(f"celery-task-meta-{result.id}") for result in results]
        for result in results:
            result.forget()

    assert 900 < left[0] <= 1000
    assert 8900 < left[1] <= 9000
    assert 900 < left[2] <= 1000
    assert "no effect" not in caplog.text
