"""One long-lived event loop in each process, for `async def` tasks.

It runs in a thread of its own, so that what tasks leave running on it (connections, background
work) goes on between tasks, and so that many threads can run coroutines on it at once.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_pid = 0


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on this process's loop, in the caller's context, and wait for its end.

    An exception raised in the waiting thread meanwhile (a soft time limit) cancels the coroutine,
    and is raised when that has been carried out.
    """
    running = asyncio.run_coroutine_threadsafe(coroutine, _started())
    try:
        return running.result()
    except BaseException:
        if not running.done():
            running.cancel()
        raise


def _started() -> asyncio.AbstractEventLoop:
    global _loop, _pid
    with _lock:
        if _loop is None or _pid != os.getpid():
            _loop, _pid = asyncio.new_event_loop(), os.getpid()
            name = "celeriac-asyncio"
            threading.Thread(target=_loop.run_forever, name=name, daemon=True).start()
        return _loop
