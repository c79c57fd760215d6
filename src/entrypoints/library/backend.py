"""`app.backend`: the result store under the method names of Celery's backends.

Whatever else is asked of it, it passes on to the store itself (`fetch`, `store`, `watch`, …).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...application.fetch_results import find_exception
from ...domain.errors import NotSupported, TaskRevokedError
from ...domain.tasks import states
from ...domain.tasks.failures import describe, restore
from ...domain.tasks.result_record import GroupRecord, ResultRecord

if TYPE_CHECKING:
    from ...application.fetch_results import Found
    from .app import Celeriac


class Backend:
    """Reads and writes the results of one app."""

    READY_STATES = states.READY_STATES
    UNREADY_STATES = states.UNREADY_STATES
    EXCEPTION_STATES = states.EXCEPTION_STATES

    def __init__(self, app: "Celeriac") -> None:
        """Work for this app."""
        self.app = app

    # -- what it is

    @property
    def store(self) -> Any:
        """Write records: the store's own method."""
        return self.app.results.store

    @property
    def url(self) -> str:
        """Where results are; the password is hidden."""
        return self.app.results.url

    def as_uri(self, include_password: bool = False) -> str:
        """Return the URL, its password hidden unless asked for."""
        asked = self.app.conf.result_backend
        return str(asked) if include_password and asked else self.url

    @property
    def serializer(self) -> str:
        """The serializer of results."""
        return self.app.conf.result_serializer

    @property
    def expires(self) -> float | None:
        """Seconds for which results are kept; None: for ever."""
        seconds: float | None = self.prepare_expires(self.app.conf.result_expires)
        return seconds

    @property
    def supports_native_join(self) -> bool:
        """Waiting for many costs what waiting for one does."""
        return True

    @property
    def persistent(self) -> bool:
        """Whether results outlive the processes."""
        return self.app.results.capabilities.persistent

    # -- reading

    def get_task_meta(self, task_id: str, cache: bool = True) -> dict[str, Any]:
        """Return what is known of a task, in Celery's form; `cache` is not looked at."""
        found = self.app.fetching.fetch(task_id)
        if found is None:
            return {"task_id": task_id, "status": states.PENDING, "result": None}
        return self._meta(found)

    def get_state(self, task_id: str) -> str:
        """Return the state of a task; PENDING if nothing is known of it."""
        return str(self.get_task_meta(task_id)["status"])

    get_status = get_state

    def get_result(self, task_id: str) -> Any:
        """Return the value of a task, or its exception."""
        return self.get_task_meta(task_id).get("result")

    def get_traceback(self, task_id: str) -> str | None:
        """Return the traceback of a task that failed."""
        return self.get_task_meta(task_id).get("traceback")

    def get_children(self, task_id: str) -> Any:
        """Return what a task has sent, as results."""
        return self.get_task_meta(task_id).get("children")

    def task_result_exists(self, task_id: str) -> bool:
        """Tell whether anything is kept of a task."""
        return self.app.results.fetch([task_id])[0] is not None

    def is_cached(self, task_id: str) -> bool:
        """Nothing is cached here: results remember what they have seen themselves."""
        return False

    def wait_for(self, task_id: str, timeout: float | None = None, **kwargs: Any) -> dict[str, Any]:
        """Wait until a task is ready, return what is known. Raises TimeoutError."""
        return self._meta(self.app.fetching.wait(task_id, timeout))

    # -- writing

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

    def forget(self, task_id: str) -> None:
        """Delete what is kept of a task."""
        self.app.results.forget([task_id])

    def cleanup(self) -> None:
        """Delete results older than `result_expires`."""
        age = self.expires
        if age:
            self.app.results.expire(self.app.clock.now() - timedelta(seconds=age))

    # -- groups

    def save_group(self, group_id: str, result: Any) -> Any:
        """Keep a group's result under its id."""
        now = self.app.clock.now()
        self.app.results.save_groups([GroupRecord(group_id, result.as_tuple(), now)])
        return result

    def restore_group(self, group_id: str, cache: bool = True) -> Any:
        """Return the result of a group that was saved, or None."""
        return self.app.GroupResult.restore(group_id)

    def delete_group(self, group_id: str) -> None:
        """Delete what is kept of a group."""
        self.app.results.forget_groups([group_id])

    def ensure_chords_allowed(self) -> None:
        """Raise NotSupported if chords cannot be counted here."""
        if not self.app.results.capabilities.chords:
            raise NotSupported(
                f"chords need a result backend that counts their parts, and {self.url} does not: "
                "set result_backend"
            )

    # -- values

    def encode(self, data: Any) -> Any:
        """Return a value as stored."""
        return self.app.container.result_codec().encode(data, self.serializer).data

    def prepare_exception(self, exc: BaseException, serializer: str | None = None) -> Any:
        """Return the stored form of an exception."""
        return describe(exc)

    def exception_to_python(self, exc: Any) -> Any:
        """Return the exception of its stored form."""
        return restore(exc, find_exception) if isinstance(exc, Mapping) else exc

    def prepare_expires(self, value: Any, type: Any = None) -> Any:  # noqa: A002 - Celery's name
        """Return a time to live in seconds, as `type` if one is given."""
        if value is None:
            value = self.app.conf.result_expires
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        return seconds if type is None or seconds is None else type(seconds)

    def _meta(self, found: "Found") -> dict[str, Any]:
        record = found.record
        from .group_results import result_from_tuple

        children = [result_from_tuple(child, self.app) for child in record.children]
        meta: dict[str, Any] = {
            "task_id": record.task_id,
            "status": record.state,
            "result": found.value,
            "traceback": record.traceback,
            "children": children,
            "date_done": record.date_done and record.date_done.isoformat(),
        }
        extended, decode = record.extended, self.app.fetching.decode
        if extended is not None:
            meta |= {
                "name": extended.name,
                "args": decode(extended.args),
                "kwargs": decode(extended.kwargs),
                "worker": extended.worker,
                "retries": extended.retries,
                "queue": extended.queue,
            }
        return meta

    def __getattr__(self, name: str) -> Any:
        """Ask the store itself."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.app.results, name)

    def __reduce__(self) -> Any:
        """Refuse: it belongs to an app."""
        raise NotSupported("a backend cannot be pickled: it belongs to an app")


class DisabledBackend(Backend):
    """A backend that keeps nothing, since nobody named one."""
