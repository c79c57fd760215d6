"""Celery's name for results."""

from .entrypoints.library.results import AsyncResult, EagerResult

__all__ = ["AsyncResult", "EagerResult"]
