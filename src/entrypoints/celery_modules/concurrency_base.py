"""`celery.concurrency.base`: the shape of pools in Celery, for code that drives one by itself.

Workers run tasks in pools of celeriac's own contract (`celeriac.ports.pool`) and refuse others.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from traceback import format_exc
from typing import Any

from ...application.tell_of_runs import error_info
from ...domain.errors import WorkerLostError, WorkerShutdown, WorkerTerminate

__all__ = ["BasePool", "apply_target"]


def apply_target(
    target: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    callback: Callable[[Any], Any] | None = None,
    accept_callback: Callable[[int, float], Any] | None = None,
    pid: int | None = None,
    getpid: Callable[[], int] = os.getpid,
    propagate: tuple[type[BaseException], ...] = (),
    monotonic: Callable[[], float] = time.monotonic,
    **_: Any,
) -> None:
    """Call a function here and now, and the callback with what it returned.

    What it raises is raised; but something like SystemExit, unless it is in `propagate`, is told to
    the callback as a WorkerLostError.
    """
    if accept_callback is not None:
        accept_callback(pid or getpid(), monotonic())
    tell = callback or _nobody
    try:
        returned = target(*args, **(kwargs or {}))
    except BaseException as end:
        if isinstance(end, (Exception, WorkerShutdown, WorkerTerminate, *propagate)):
            raise
        tell(error_info(WorkerLostError(f"{target!r} ended by {end!r}"), format_exc()))
    else:
        tell(returned)


class BasePool:
    """A pool of somebody's own: heirs define `on_apply`, and `on_start`, `on_stop` and others.

    Args:
        limit: How many run at once.
        putlocks: Whether `apply_async` waits for a free slot.
        forking_enable: Whether it may fork.
        callbacks_propagate: Exceptions of callbacks that are not caught.
        app: The app it works for.
        **options: Options of the heirs.
    """

    RUN, CLOSE, TERMINATE = 1, 2, 3

    signal_safe = True
    is_green = False
    uses_semaphore = False
    task_join_will_block = True
    body_can_be_buffer = False

    _state: int | None = None
    _pool: Any = None

    def __init__(
        self,
        limit: int | None = None,
        putlocks: bool = True,
        forking_enable: bool = True,
        callbacks_propagate: tuple[type[BaseException], ...] = (),
        app: Any = None,
        **options: Any,
    ) -> None:
        self.limit, self.putlocks, self.app = limit, putlocks, app
        self.forking_enable, self.callbacks_propagate = forking_enable, callbacks_propagate
        self.options = options

    # -- what heirs define

    def on_start(self) -> None:
        """Called by `start`."""

    def on_apply(self, *args: Any, **kwargs: Any) -> Any:
        """Called by `apply_async` with the function, its arguments and all options."""

    def on_close(self) -> None:
        """Called by `close`."""

    def on_stop(self) -> None:
        """Called by `stop`."""

    def on_terminate(self) -> None:
        """Called by `terminate`."""

    def on_soft_timeout(self, job: Any) -> None:
        """Called when something has run past its soft limit."""

    def on_hard_timeout(self, job: Any) -> None:
        """Called when something has run past its hard limit."""

    def did_start_ok(self) -> bool:
        """Tell whether the start went well."""
        return True

    def flush(self) -> None:
        """Wait until nothing is on its way."""

    def maintain_pool(self, *args: Any, **kwargs: Any) -> None:
        """Replace what has died."""

    def register_with_event_loop(self, loop: Any) -> None:
        """Have a loop look after it."""

    def terminate_job(self, pid: int, signal: int | str | None = None) -> None:
        """End what runs in a process."""
        raise NotImplementedError(f"{type(self)} does not define terminate_job")

    def restart(self) -> None:
        """Begin anew."""
        raise NotImplementedError(f"{type(self)} does not define restart")

    # -- how it is driven

    def start(self) -> None:
        """Begin."""
        self.on_start()
        self._state = self.RUN

    def apply_async(
        self,
        target: Callable[..., Any],
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Have a function called, as `on_apply` does it; options go there too."""
        told = {"waitforslot": self.putlocks, "callbacks_propagate": self.callbacks_propagate}
        return self.on_apply(target, args or [], kwargs or {}, **{**told, **options})

    def close(self) -> None:
        """Take no more."""
        self._state = self.CLOSE
        self.on_close()

    def stop(self) -> None:
        """End when all has run."""
        self.on_stop()
        self._state = self.TERMINATE

    def terminate(self) -> None:
        """End now."""
        self._state = self.TERMINATE
        self.on_terminate()

    # -- what it is

    @property
    def active(self) -> bool:
        """Whether it has begun and takes more."""
        return self._state == self.RUN

    @property
    def num_processes(self) -> int | None:
        """How many run at once."""
        return self.limit

    @property
    def info(self) -> dict[str, Any]:
        """What it is, as data."""
        return self._get_info()

    def _get_info(self) -> dict[str, Any]:
        kind = type(self)
        return {
            "implementation": f"{kind.__module__}:{kind.__qualname__}",
            "max-concurrency": self.limit,
        }


def _nobody(value: Any) -> None:
    """Tell nobody."""
