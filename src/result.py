"""Celery's name for results."""

from .entrypoints.library.group_results import GroupResult, ResultSet, result_from_tuple
from .entrypoints.library.results import AsyncResult, EagerResult, ResultBase

__all__ = [
    "AsyncResult",
    "EagerResult",
    "GroupResult",
    "ResultBase",
    "ResultSet",
    "result_from_tuple",
]
