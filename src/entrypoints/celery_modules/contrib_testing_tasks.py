"""`celery.contrib.testing.tasks`: the task by which a worker is pinged."""

from ..library.app import shared_task


@shared_task(name="celery.ping")
def ping() -> str:
    """Answer."""
    return "pong"
