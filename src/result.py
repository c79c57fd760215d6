"""Celery's name for results."""

from .entrypoints.library.eager_results import EagerResult
from .entrypoints.library.group_results import GroupResult, result_from_tuple
from .entrypoints.library.joining import (
    E_WOULDBLOCK,
    allow_join_result,
    assert_will_not_block,
    denied_join_result,
    task_join_will_block,
)
from .entrypoints.library.known_results import ResultBase
from .entrypoints.library.result_sets import ResultSet
from .entrypoints.library.results import AsyncResult

__all__ = [
    "E_WOULDBLOCK",
    "AsyncResult",
    "EagerResult",
    "GroupResult",
    "ResultBase",
    "ResultSet",
    "allow_join_result",
    "assert_will_not_block",
    "denied_join_result",
    "result_from_tuple",
    "task_join_will_block",
]
