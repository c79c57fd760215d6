"""Celery's name for results."""

from .entrypoints.library.group_results import GroupResult, result_from_tuple
from .entrypoints.library.result_sets import ResultSet
from .entrypoints.library.results import AsyncResult, EagerResult, ResultBase

__all__ = [
    "AsyncResult",
    "EagerResult",
    "GroupResult",
    "ResultBase",
    "ResultSet",
    "result_from_tuple",
]
