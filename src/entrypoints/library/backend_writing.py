"""States, values and failures of tasks, written by whoever calls the backend."""

from typing import Any

from ...domain.errors import TaskRevokedError
from ...domain.tasks import states
from ...domain.tasks.failures import describe
from ...domain.tasks.result_record import ResultRecord
from .backend_chords import BackendChords


class BackendWriting(BackendChords):
    """Keeps what tasks have come to. Callbacks and chords are the worker's to look after."""

    def store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: str | None = None,
        request: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Keep a state under a task's id, with its value, exception or whatever belongs to it.

        What a task has come to is not replaced by a state on the way. Returns the value.
        """
        value = describe(result) if isinstance(result, BaseException) else result
        serializer = self.app.conf.result_serializer
        record = ResultRecord(
            task_id=task_id,
            state=state,
            result=self.app.container.result_codec().encode(value, serializer),
            traceback=None if traceback is None else str(traceback),
            date_done=self.app.clock.now() if state in states.READY_STATES else None,
            children=tuple(getattr(request, "children", None) or ()),
            group_id=getattr(request, "group", None),
            parent_id=getattr(request, "parent_id", None),
        )
        self.app.results.store([record])
        return result

    def mark_as_started(self, task_id: str, **meta: Any) -> Any:
        """Keep that a task has begun."""
        return self.store_result(task_id, meta, states.STARTED)

    def mark_as_done(
        self,
        task_id: str,
        result: Any,
        request: Any = None,
        store_result: bool = True,
        state: str = states.SUCCESS,
    ) -> None:
        """Keep what a task returned. Callbacks are the worker's to call, not called here."""
        if store_result:
            self.store_result(task_id, result, state, request=request)

    def mark_as_failure(
        self,
        task_id: str,
        exc: BaseException,
        traceback: str | None = None,
        request: Any = None,
        store_result: bool = True,
        call_errbacks: bool = True,
        state: str = states.FAILURE,
    ) -> None:
        """Keep that a task failed. Errbacks are the worker's to call, not called here."""
        if store_result:
            self.store_result(task_id, exc, state, traceback=traceback, request=request)

    def mark_as_revoked(
        self,
        task_id: str,
        reason: str = "",
        request: Any = None,
        store_result: bool = True,
        state: str = states.REVOKED,
    ) -> None:
        """Keep that a task was revoked."""
        if store_result:
            self.store_result(task_id, TaskRevokedError(reason), state, request=request)

    def mark_as_retry(
        self,
        task_id: str,
        exc: BaseException,
        traceback: str | None = None,
        request: Any = None,
        store_result: bool = True,
        state: str = states.RETRY,
    ) -> None:
        """Keep that a task will be run again."""
        if store_result:
            self.store_result(task_id, exc, state, traceback=traceback, request=request)
