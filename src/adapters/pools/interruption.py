"""Raising an exception in another thread of this process.

It arrives when that thread next runs Python code: one that waits in a C call is not woken by it.
The caller must hold the lock under which the thread takes and gives up its jobs.
"""

from ...domain.errors import SoftTimeLimitExceeded


def interrupt(thread_id: int, exception: type[BaseException] = SoftTimeLimitExceeded) -> None:
    """Have an exception raised in a thread."""
    _set_async_exc(thread_id, exception)


def take_back(thread_id: int) -> None:
    """Withdraw an exception that the thread has not met yet."""
    _set_async_exc(thread_id, None)


def _set_async_exc(thread_id: int, exception: type[BaseException] | None) -> None:
    import ctypes  # only when a limit is reached: it costs every process a megabyte

    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), None if exception is None else ctypes.py_object(exception)
    )
