"""`app.backend`: the result store under the method names of Celery's backends.

Whatever else is asked of it, it passes on to the store itself (`fetch`, `store`, `watch`, …).
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...domain.errors import NotSupported
from ...domain.tasks import states
from ...domain.tasks.result_record import GroupRecord
from .backend_values import BackendValues
from .backend_waiting import BackendWaiting
from .backend_writing import BackendWriting
from .kept_for import kept_for

if TYPE_CHECKING:
    from ...application.fetch_results import Found
    from .app import Celeriac


class Backend(BackendWaiting, BackendValues, BackendWriting):
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

    @property
    def supports_autoexpire(self) -> bool:
        """Whether the store deletes old results by itself."""
        return self.app.results.capabilities.expires_itself

    @property
    def supports_failure_expires(self) -> bool:
        """Whether the store keeps failures for as long as `result_failure_expires` says."""
        return self.app.results.capabilities.keeps_failures_apart

    @property
    def failure_expires(self) -> float | None:
        """Seconds for which failures are kept, 0 and None: for ever."""
        said = self.app.conf.result_failure_expires if self.supports_failure_expires else None
        seconds: float | None = self.prepare_expires(said)
        return seconds

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

    def reload_task_result(self, task_id: str) -> None:
        """Do nothing: whoever reads next reads anew, since nothing is cached here."""

    def reload_group_result(self, group_id: str) -> None:
        """Do nothing, for the same reason."""

    # -- deleting

    def forget(self, task_id: str) -> None:
        """Delete what is kept of a task."""
        self.app.results.forget([task_id])

    def cleanup(self) -> None:
        """Delete results older than `result_expires`, failures than `result_failure_expires`."""
        retention = kept_for(self.app)
        if not retention.for_ever:
            self.app.results.expire(*retention.ends(self.app.clock.now()))

    # -- groups

    def save_group(self, group_id: str, result: Any) -> Any:
        """Keep a group's result under its id."""
        now = self.app.clock.now()
        self.app.results.save_groups([GroupRecord(group_id, result.as_tuple(), now)])
        return result

    def restore_group(self, group_id: str, cache: bool = True) -> Any:
        """Return the result of a group that was saved, or None."""
        return self.app.GroupResult.restore(group_id)

    def get_group_meta(self, group_id: str, cache: bool = True) -> dict[str, Any] | None:
        """Return what is kept of a group, its result under `result`; None: nothing is."""
        result = self.restore_group(group_id)
        return None if result is None else {"result": result}

    def delete_group(self, group_id: str) -> None:
        """Delete what is kept of a group."""
        self.app.results.forget_groups([group_id])

    # -- values

    def prepare_persistent(self, enabled: bool | None = None) -> bool:
        """Return whether results outlive the processes: as asked, as set, else as they do."""
        asked = self.app.conf.result_persistent if enabled is None else enabled
        return bool(self.persistent if asked is None else asked)

    def prepare_expires(self, value: Any, type: Any = None) -> Any:  # noqa: A002 - Celery's name
        """Return a time to live in seconds, as `type` if one is given."""
        if value is None:
            value = self.app.conf.result_expires
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        return seconds if type is None or seconds is None else type(seconds)

    def _as_known(self, task_id: str) -> dict[str, Any]:
        return self.get_task_meta(task_id)

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

    supports_result_compression = False

    def __init__(self, app: "Celeriac", *args: Any, **kwargs: Any) -> None:
        """Work for this app; what else backends are told does not matter here."""
        super().__init__(app)

    def process_cleanup(self) -> None:
        """Let go of nothing: nothing was opened."""

    def get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        """Refuse: nothing is kept. Raises NoResultsKept."""
        return self.get_task_meta(task_id)

    def exception_safe_to_retry(self, exc: BaseException) -> bool:
        """Tell that no error will pass."""
        return False

    def on_backend_retryable_error(self, exc: BaseException) -> None:
        """Prepare nothing."""

    def prepare_compression(self, compression: str | None) -> None:
        """Return None: there is nothing to make smaller."""
