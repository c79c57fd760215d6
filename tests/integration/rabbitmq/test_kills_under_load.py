"""Workers on RabbitMQ are killed one after the other under load: every task is accounted for."""

from __future__ import annotations

import secrets

import pytest

from tests.integration.redis.kills import (
    assert_all_is_accounted_for_while_workers_are_killed_every_second,
)

pytestmark = [pytest.mark.needs_server("rabbitmq", "redis"), pytest.mark.slow]


def test_every_task_is_accounted_for_while_workers_are_killed_every_second(
    tmp_path, rabbitmq_url, redis_url
):
    settings = {
        "broker_url": rabbitmq_url,
        "result_backend": redis_url,
        "task_default_queue": f"load-{secrets.token_hex(4)}",
    }

    assert_all_is_accounted_for_while_workers_are_killed_every_second(tmp_path, settings)
