"""Workers are killed one after the other under load: every task is done or accounted for."""

from __future__ import annotations

from tests.integration.redis.kills import (
    assert_all_is_accounted_for_while_workers_are_killed_every_second,
)
from tests.integration.redis.private import KEEPING, needs_redis_server, server

pytestmark = needs_redis_server


def test_every_task_is_accounted_for_while_workers_are_killed_every_second(tmp_path):
    with server(*KEEPING) as one:
        settings = {"broker_url": one.url, "result_backend": one.url}

        assert_all_is_accounted_for_while_workers_are_killed_every_second(tmp_path, settings)
