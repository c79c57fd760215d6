"""`celery.app.registry`."""

from ..library.registry import TaskRegistry

__all__ = ["TaskRegistry"]
