"""An app of Celery's that sends messages of protocol 1."""

from __future__ import annotations

from tests.integration.redis.celery_app import add, app

app.conf.task_protocol = 1

__all__ = ["add", "app"]
