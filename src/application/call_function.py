"""Functions as jobs: what receivers of messages (`Task.Strategy`) have run at a worker's pool.

The function travels pickled, in a message that no queue ever sees. What must stay true: a message
of this name that did come out of a queue is unpickled nowhere. The worker finds no task under the
name and puts it aside, so that only jobs which it made by itself get here.
"""

import pickle
from collections.abc import Callable, Collection, Mapping, Sequence
from io import BytesIO
from time import perf_counter
from traceback import format_exception
from typing import Any, Final

from ..domain.messaging.message import TaskMessage
from ..domain.messaging.payload import Payload
from ..domain.tasks import states
from ..domain.tasks.builtin_names import CALL_FUNCTION
from ..domain.tasks.result_record import ResultRecord
from ..domain.work.job import GivenUp, Job, Report
from .runnable import RunnableTask

FindTask = Callable[[str], RunnableTask | None]

#: How pickled values are called on the wire.
CONTENT: Final = ("application/x-python-serialize", "binary")
#: As much of a value's or an error's repr as is kept.
_LONGEST: Final = 1024


def packed(
    id_: str,
    fun: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    task_class: type[Any],
    ids: Collection[str],
) -> tuple[TaskMessage, set[str]]:
    """Return the message that has a function called, and which of these task ids it speaks of.

    Tasks (of `task_class`) travel as their names. Raises whatever cannot be pickled raises.
    """
    file = BytesIO()
    packer = _Packer(file, task_class, ids)
    packer.dump((fun, tuple(args), dict(kwargs)))
    return TaskMessage(id_, CALL_FUNCTION, file.getvalue(), *CONTENT), packer.found


def call_function(job: Job, find: FindTask) -> Report:
    """Call what a message of `packed` says. What it returns or raises is in the report, pickled."""
    begun, trace = perf_counter(), None
    try:
        fun, args, kwargs = _Unpacker(job.message.body, find).load()
        value = fun(*args, **kwargs)
        state, data, text = states.SUCCESS, pickle.dumps(value), _shown(value)
    except GivenUp:
        raise
    except BaseException as error:  # also an attempt to leave: it is the call's, not the pool's
        state, data, text = states.FAILURE, _error(error), _shown(error)
        trace = "".join(format_exception(error))
    record = ResultRecord(job.message.id, state, Payload(data, *CONTENT))
    runtime = perf_counter() - begun
    return Report(
        job.number, state, results=(record,), runtime=runtime, summary=text, traceback=trace
    )


def value_of(report: Report) -> Any:
    """Return what a call returned, or the exception it raised."""
    result = report.results[0].result if report.results else None
    if result is None:  # not from `call_function`: the pool or the runner could not have it called
        return RuntimeError(report.summary)
    return pickle.loads(result.data)  # noqa: S301 - pickled by a child of this very process


class _Packer(pickle.Pickler):
    def __init__(self, file: BytesIO, task_class: type[Any], ids: Collection[str]) -> None:
        super().__init__(file)
        self._task_class: Any = task_class
        self._ids = ids
        self.found: set[str] = set()

    def persistent_id(self, obj: Any) -> Any:
        if type(obj) is str:
            if obj in self._ids:
                self.found.add(obj)
            return None
        return obj.name if isinstance(obj, self._task_class) else None


class _Unpacker(pickle.Unpickler):
    def __init__(self, data: bytes, find: FindTask) -> None:
        super().__init__(BytesIO(data))
        self._find = find

    def persistent_load(self, pid: Any) -> Any:
        task = self._find(pid)
        if task is None:
            raise pickle.UnpicklingError(f"no task is registered under {pid!r} in this process")
        return task


def _error(error: BaseException) -> bytes:
    try:
        data = pickle.dumps(error)
        pickle.loads(data)  # noqa: S301 - pickled here, just now
    except Exception:
        return pickle.dumps(RuntimeError(_shown(error)))
    return data


def _shown(value: Any) -> str:
    try:
        return repr(value)[:_LONGEST]
    except Exception as broken:
        return f"<{type(value).__name__}: its repr raised {type(broken).__name__}>"
