"""`celery.worker`, and `celery.worker.worker`."""

from ..worker import AppWorker

__all__ = ["WorkController"]

WorkController = AppWorker

# What is below it is imported by this name.
__name__ = "celery.worker"
