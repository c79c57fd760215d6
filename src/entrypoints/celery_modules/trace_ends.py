"""What becomes of a task that somebody runs by himself, and that returned nothing."""

import warnings
from collections.abc import Callable, Mapping
from traceback import format_exception
from typing import Any

from ...application import tell_of_runs
from ...application.signals import task_retry
from ...domain.tasks import states


class TraceInfo:
    """What became of a run that returned nothing: its state, and the exception.

    Workers settle their tasks by themselves. The methods are for those who do it by hand.
    """

    __slots__ = ("retval", "state")

    def __init__(self, state: str, retval: Any = None) -> None:
        """Hold both."""
        self.state, self.retval = state, retval

    def handle_error_state(
        self, task: Any, req: Any, eager: bool = False, call_errbacks: bool = True
    ) -> Any:
        """Do what belongs to the state; store it unless it was `eager` or results are ignored."""
        stored = not eager
        if stored and task.resolved.ignore_result:
            stored = bool(task.store_errors_even_if_ignored)
        return self._ends[self.state](
            self, task, req, store_errors=stored, call_errbacks=call_errbacks
        )

    def handle_failure(
        self,
        task: Any,
        req: Any,
        store_errors: bool = True,
        call_errbacks: bool = True,
    ) -> Any:
        """Store the failure, tell the task and those who listen, and call the errbacks."""
        exc, info = self.retval, _info(self.retval)
        if store_errors:
            task.backend.store_result(req.id, exc, states.FAILURE, info.traceback, request=req)
        task.on_failure(exc, req.id, req.args, req.kwargs, info)
        tell_of_runs.failed(task, req, exc, info.traceback)
        if call_errbacks:
            task.backend.call_errbacks(req, exc)
        return info

    def handle_retry(self, task: Any, req: Any, store_errors: bool = True, **kwargs: Any) -> Any:
        """Store that it will be run again, and tell the task and those who listen."""
        info = _info(self.retval)
        cause = self.retval.exc or self.retval
        if store_errors:
            task.backend.mark_as_retry(req.id, cause, info.traceback, request=req)
        task.on_retry(cause, req.id, req.args, req.kwargs, info)
        task_retry.send(sender=task, request=req, reason=self.retval, einfo=info)
        return info

    def handle_ignore(self, task: Any, req: Any, **kwargs: Any) -> Any:
        """Return the exception as handlers get it: nothing is stored of what is ignored."""
        return _info(self.retval)

    def handle_reject(self, task: Any, req: Any, **kwargs: Any) -> Any:
        """Return the exception as handlers get it: nothing is stored of what is rejected."""
        return _info(self.retval)

    _ends: Mapping[str, Callable[..., Any]] = {
        states.FAILURE: handle_failure,
        states.RETRY: handle_retry,
        states.IGNORED: handle_ignore,
        states.REJECTED: handle_reject,
    }

    def __repr__(self) -> str:
        """Show both."""
        return f"<TraceInfo: {self.state} {self.retval!r}>"


def report_internal_error(task: Any, exc: BaseException) -> Any:
    """Warn of what was raised around the body of a task; return it as handlers get it."""
    info = _info(exc)
    text = f"{task.name}: raised outside of the task's body: {exc!r}\n{info.traceback}"
    warnings.warn(RuntimeWarning(text), stacklevel=2)
    return info


def _info(exc: BaseException) -> Any:
    return tell_of_runs.error_info(exc, "".join(format_exception(exc)))
