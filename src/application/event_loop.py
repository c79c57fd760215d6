"""One long-lived event loop in each process, for `async def` tasks.

It runs in a thread of its own, so that what tasks leave running on it (connections, background
work) goes on between tasks, and so that many threads can run coroutines on it at once. Nothing a
coroutine raises ends the loop.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, Final, Generic, TypeVar

from ..domain.errors import SoftTimeLimitExceeded
from .interruptible import Interruptible

T = TypeVar("T")

logger = logging.getLogger("celeriac.worker")

#: How often the waiting thread looks up, in seconds: a soft time limit raised in it arrives then.
LOOK_SECONDS: Final = 0.2
#: How long a cancelled coroutine may take to clean up before it is left to itself, in seconds.
CLEAN_UP_SECONDS: Final = 5.0

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_pid = 0
_thread = 0


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on this process's loop, in the caller's context, and wait for its end.

    A soft time limit raised in the waiting thread meanwhile is raised in the coroutine, which may
    catch it and go on. Anything else cancels the coroutine, and is raised when that is done.
    """
    loop = _started()
    # Not by the running loop, which green threads share: they are one thread to asyncio.
    if threading.get_ident() == _thread:
        return _run_beside(coroutine)
    errand = _Errand(coroutine)
    try:
        loop.call_soon_threadsafe(errand.begin)
        try:
            errand.wait()
        except SoftTimeLimitExceeded as limit:
            loop.call_soon_threadsafe(errand.interrupt, limit)
            errand.wait()
    except BaseException:
        loop.call_soon_threadsafe(errand.cancel)
        if not errand.ended.wait(CLEAN_UP_SECONDS):
            logger.warning("a cancelled coroutine still runs after %g s", CLEAN_UP_SECONDS)
        raise
    return errand.outcome()


class _Errand(Generic[T]):
    """One coroutine on its way through the loop. All but `ended` and `outcome` is the loop's."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self.ended = threading.Event()
        self._coroutine = coroutine
        self._way = Interruptible(coroutine)
        self._entered = False
        self._task: asyncio.Task[None] | None = None
        self._value: T
        self._error: BaseException | None = None

    def begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._carry())
        self._task.add_done_callback(lambda _: self.ended.set())

    def wait(self) -> None:
        while not self.ended.wait(LOOK_SECONDS):
            pass

    def interrupt(self, error: BaseException) -> None:
        if self._task is None:  # interrupted before it could begin
            self._error = error
            self.cancel()
        elif not self._entered:
            asyncio.get_running_loop().call_soon(self.interrupt, error)
        elif not self._task.done():
            self._way.interrupt(error)
            self._task.cancel()

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        else:  # interrupted before it could begin
            self._coroutine.close()
            self.ended.set()

    async def _carry(self) -> None:
        self._entered = True
        try:
            self._value = await self._way
        except BaseException as error:
            # Also what would end the loop: it belongs to all tasks, this error to one.
            self._error = error

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        return self._value


def _run_beside(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine for a caller on the loop itself, which cannot wait for its own thread."""
    errand = _Errand(coroutine)
    context = copy_context()
    name = "celeriac-asyncio-nested"
    thread = threading.Thread(
        target=context.run, args=(asyncio.run, errand._carry()), name=name, daemon=True
    )
    thread.start()
    thread.join()
    return errand.outcome()


def _started() -> asyncio.AbstractEventLoop:
    global _loop, _pid, _thread
    with _lock:
        if _loop is None or _pid != os.getpid():
            _loop, _pid, _thread = asyncio.new_event_loop(), os.getpid(), 0
            threading.Thread(
                target=_keep_running, args=(_loop,), name="celeriac-asyncio", daemon=True
            ).start()
        return _loop


def _keep_running(loop: asyncio.AbstractEventLoop) -> None:
    global _thread
    _thread = threading.get_ident()
    asyncio.set_event_loop(loop)
    while not loop.is_closed():
        try:
            loop.run_forever()
        except BaseException as error:
            # SystemExit of something that a task left running in the background.
            logger.warning("the event loop goes on after %r", error)
