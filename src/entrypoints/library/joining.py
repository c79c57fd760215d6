"""The guard against waiting for a result within a task.

A task that waits for another holds its slot while that one may wait for a slot: with enough of
them nothing goes on any more. So it is refused, unless asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from ...application.context import running

#: What is said to whoever waits within a task.
E_WOULDBLOCK: Final = (
    "result.get() within a task: it holds a slot while it waits for another task that may need "
    "one, and so a worker can come to a standstill. Let the other task be a callback (link), the "
    "next link of a chain, or a chord's body; or, if you know that it cannot block, write "
    "`with allow_join_result():` around it"
)

#: What was said about joining in this context; None: nothing.
_SAID: ContextVar[bool | None] = ContextVar("celeriac_joining", default=None)


def task_join_will_block() -> bool:
    """Tell whether waiting for a result here would block a worker's slot."""
    said = _SAID.get()
    if said is not None:
        return not said
    frame = running()
    return frame is not None and not frame[1].called_directly and not frame[1].is_eager


def assert_will_not_block() -> None:
    """Raise RuntimeError where waiting for a result would block a worker's slot."""
    if task_join_will_block():
        raise RuntimeError(E_WOULDBLOCK)


@contextmanager
def allow_join_result() -> Iterator[None]:
    """Allow waiting for results within a task."""
    token = _SAID.set(True)
    try:
        yield
    finally:
        _SAID.reset(token)


@contextmanager
def denied_join_result() -> Iterator[None]:
    """Refuse waiting for results, also outside a task."""
    token = _SAID.set(False)
    try:
        yield
    finally:
        _SAID.reset(token)
