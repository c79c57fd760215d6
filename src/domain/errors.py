"""The one exception tree: everything celeriac raises, warns about or leaves a process with.

What must stay true: every name keeps the constructor and the bases Celery's users know; every
exception survives pickling (its constructor arguments are its ``args``, the rest is in its
``__dict__``); a message says whose fault it is and what to do; none shows a password. Nothing but
the interpreter's built-ins is imported here, since every process pays for this module. Classes
that Celery borrows from kombu, billiard and click are stand-ins of our own with the same names.

One long file on purpose: a tree is read best in one place.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType
    from typing import IO, Any, NoReturn

UNREGISTERED_FMT = "task {0!r} is not registered here: import the module that defines it"


class CeleriacError(Exception):
    """Root of all that celeriac raises, except warnings and requests to leave the process."""


# --- borrowed by Celery from kombu ------------------------------------------------------------


class KombuError(CeleriacError):
    """Root of what the messaging layer raises."""


class OperationalError(KombuError):
    """A broker or result store could not do what was asked; trying again may help."""


class SerializationError(KombuError):
    """A value could not be turned into bytes, or bytes into a value."""


class EncodeError(SerializationError):
    """A value could not be turned into bytes."""


class DecodeError(SerializationError):
    """Bytes could not be turned into a value."""


class SerializerNotInstalled(KombuError):
    """No serializer is known for a content type."""


class ContentDisallowed(SerializerNotInstalled):
    """The content type of a message is not among those in `accept_content`."""


# --- borrowed by Celery from billiard ---------------------------------------------------------


class _NamedByArguments(CeleriacError):
    """Shows its own name and arguments, since these often reach a log as bare text."""

    def __str__(self) -> str:
        return f"{type(self).__name__}{self.args}"


class SoftTimeLimitExceeded(_NamedByArguments):
    """The soft time limit of the running task has passed; clean up and end."""


class TimeLimitExceeded(_NamedByArguments):
    """The hard time limit of a task has passed and its process was ended."""


class WorkerLostError(CeleriacError):
    """The process that ran a task died before the task ended."""


class Terminated(CeleriacError):
    """The process that ran a task was ended on request."""


# --- borrowed by Celery from click ------------------------------------------------------------


class ClickException(CeleriacError):
    """A message for the person at the command line, and the exit code to leave with."""

    exit_code: int = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def format_message(self) -> str:
        """The text to show."""
        return self.message

    def show(self, file: IO[str] | None = None) -> None:
        """Write the message to `file`, by default the standard error stream."""
        import sys

        (file or sys.stderr).write(f"Error: {self.format_message()}\n")

    def __str__(self) -> str:
        return self.message


class CeleryCommandException(ClickException):
    """A command failed and the process leaves with the given exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.args = (message, exit_code)
        self.exit_code = exit_code


# --- warnings ---------------------------------------------------------------------------------


class CeleryWarning(UserWarning):
    """Root of the warnings."""


class AlwaysEagerIgnored(CeleryWarning):
    """`send_task` cannot honour `task_always_eager`: it knows no task to run here."""


class DuplicateNodenameWarning(CeleryWarning):
    """Two workers answer to the same node name."""


class DuplicateTaskNameWarning(CeleryWarning):
    """Two tasks were registered under the same name."""


class FixupWarning(CeleryWarning):
    """An integration with another framework could not be set up."""


class NotConfigured(CeleryWarning):
    """No configuration was found."""


class SecurityWarning(CeleryWarning):
    """A setting or a way of running is known to be unsafe."""


class CPendingDeprecationWarning(PendingDeprecationWarning):
    """Something will be deprecated."""


class CDeprecationWarning(DeprecationWarning):
    """Something is deprecated."""


# --- what a task says about its own run -------------------------------------------------------


class CeleryError(CeleriacError):
    """Root of what Celery's users know as CeleryError."""


class TaskPredicate(CeleryError):
    """Raised in a task to choose how its run ends; not a failure."""


class Retry(TaskPredicate):
    """The task is to be run again.

    Args:
        message: Text to show instead of the composed one.
        exc: The exception that made the retry necessary, or its text.
        when: Seconds from now, or the moment.
        is_eager: The task runs in the caller's process.
        sig: The call to be published again.
        **kwargs: Accepted for Celery's sake.
    """

    message: str | None = None
    exc: BaseException | None = None
    excs: str | None = None
    when: float | datetime | None = None
    #: Whether the next attempt is on its way already (`retry(throw=False)`).
    sent: bool = False

    def __init__(
        self,
        message: str | None = None,
        exc: BaseException | str | None = None,
        when: float | datetime | None = None,
        is_eager: bool = False,
        sig: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(exc, when)
        self.message = message
        self.exc = None if isinstance(exc, str) else exc
        self.excs = exc if isinstance(exc, str) else _repr_or_none(exc)
        self.when = when
        self.is_eager = is_eager
        self.sig = sig

    def humanize(self) -> str:
        """When the task is run again, in words."""
        if isinstance(self.when, (int, float)):
            return f"in {self.when}s"
        return f"at {self.when}"

    def __str__(self) -> str:
        if self.message:
            return self.message
        reason = f": {self.excs}" if self.excs else ""
        return f"Retry {self.humanize()}{reason}"

    def __reduce__(self) -> tuple[Any, ...]:
        # The signature stays behind: it may hold the whole app, and only the raiser needs it.
        cause = self.exc if _picklable(self.exc) else self.excs
        return type(self), (self.message, cause or self.excs, self.when, self.is_eager)


RetryTaskError = Retry


class Ignore(TaskPredicate):
    """The worker stores no state for this run: the task has seen to that itself."""


class ReplacedBy(Ignore):
    """Raised by a task that has another run in its stead; `sig` is that one, as stored."""

    def __init__(self, sig: Mapping[str, Any]) -> None:
        super().__init__(sig)
        self.sig = sig


class Reject(TaskPredicate):
    """The message is given back to the broker: dead-lettered, or queued again."""

    def __init__(self, reason: Any = None, requeue: bool = False) -> None:
        super().__init__(reason, requeue)
        self.reason = reason
        self.requeue = requeue

    def __repr__(self) -> str:
        return f"Reject(reason={self.reason!r}, requeue={self.requeue!r})"


# --- what goes wrong with tasks ---------------------------------------------------------------


class SecurityError(CeleryError):
    """A message could not be trusted, or the means to tell are missing."""


class TaskError(CeleryError):
    """Root of what goes wrong with a task."""


class QueueNotFound(KeyError, TaskError):
    """A route names a queue that is not in `task_queues`."""

    #: The id of the message that leads nowhere, where it is one of a batch.
    message_id: str | None = None


class IncompleteStream(TaskError):
    """The end of a result stream was never seen."""


class NotRegistered(KeyError, TaskError):
    """No task of that name is registered in this process."""

    def __repr__(self) -> str:
        return UNREGISTERED_FMT.format(*self.args or ("",))

    def __str__(self) -> str:
        return repr(self)


class AlreadyRegistered(TaskError):
    """A task of that name is registered already."""


class TimeoutError(TaskError):  # noqa: A001 - the name Celery's users import
    """The result did not arrive in time."""


class MaxRetriesExceededError(TaskError):
    """The task has used up its retries."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.task_args = kwargs.pop("task_args", [])
        self.task_kwargs = kwargs.pop("task_kwargs", {})
        super().__init__(*args, **kwargs)


class DuplicateTask(TaskError):
    """A call of a unique task was not sent: the first one, `task_id`, is still on its way."""

    def __init__(self, task: str, task_id: str = "") -> None:
        super().__init__(task, task_id)
        self.task = task
        self.task_id = task_id

    def __str__(self) -> str:
        return f"{self.task} is unique, and {self.task_id} is still on its way"


class TaskRevokedError(TaskError):
    """The task was revoked, so there is no result."""


class InvalidTaskError(TaskError):
    """A message does not describe a task call."""


class ChordError(TaskError):
    """A task in the header of a chord failed, or its results cannot be had."""


class UnserializableArguments(EncodeError, TypeError):
    """An argument of a task call cannot be turned into bytes."""

    def __init__(
        self, task: str, argument: str, type_name: str = "", serializer: str = "json", why: str = ""
    ) -> None:
        super().__init__(task, argument, type_name, serializer, why)
        self.task = task
        self.argument = argument

    def __str__(self) -> str:
        task, argument, type_name, serializer, why = self.args
        kind = f" ({type_name})" if type_name else ""
        reason = f": {why}" if why else ""
        return (
            f"{task}: argument {argument}{kind} cannot be serialized as {serializer}{reason}; "
            "pass plain data such as an id, or choose another task_serializer"
        )


class ResultTooLarge(TaskError):
    """A task returned more than `result_max_bytes` allows to be stored."""

    def __init__(self, task_id: str, size: int, limit: int) -> None:
        super().__init__(task_id, size, limit)

    def __str__(self) -> str:
        task_id, size, limit = self.args
        return (
            f"the result of task {task_id} takes {size} bytes, more than result_max_bytes={limit}; "
            "store the data elsewhere and return where it is, or raise result_max_bytes"
        )


# --- configuration ----------------------------------------------------------------------------


class ImproperlyConfigured(CeleryError):
    """The configuration cannot be used as it is."""


class UnknownSetting(ImproperlyConfigured):
    """No setting has that name."""


class StateUnreadable(ImproperlyConfigured):
    """What a worker remembers from its last run (worker_state_db) cannot be read."""


class InvalidSetting(ImproperlyConfigured):
    """A setting has a value of the wrong type, or one that is not among those allowed."""


class MixedSpellings(ImproperlyConfigured):
    """One source uses old and new setting names."""


class ConfigurationNotFound(ImproperlyConfigured, ImportError):
    """The module or object that should hold the configuration does not exist."""


class UnknownScheme(ImproperlyConfigured):
    """No adapter serves the scheme of a URL. The URL's credentials are never shown."""

    def __init__(self, url: str, known: Iterable[str] = ()) -> None:
        scheme = url.partition("://")[0]
        super().__init__(scheme, tuple(sorted(known)))

    def __str__(self) -> str:
        scheme, known = self.args
        served = f"; known schemes: {', '.join(known)}" if known else ""
        return f"no adapter serves '{scheme}://…'{served}"


class MissingExtra(ImproperlyConfigured):
    """What was asked for needs an optional dependency that is not installed."""

    def __init__(self, wanted: str, extra: str, module: str = "") -> None:
        super().__init__(wanted, extra, module)
        self.extra = extra

    def __str__(self) -> str:
        wanted, extra, module = self.args
        missing = f"{module}, which is" if module else "a library that is"
        return f"{wanted} needs {missing} not installed: pip install 'celeriac[{extra}]'"


# --- brokers and result stores ----------------------------------------------------------------


class BrokerUnavailable(OperationalError):
    """The broker did not answer, or not in time: none, some or all of it may have happened.

    `sent` holds the results of those batches of `publish_many` that were confirmed before.
    """

    sent: Sequence[Any] = ()


class BackendUnavailable(OperationalError):
    """The result store did not answer, or not in time."""


class StoreFull(BrokerUnavailable, BackendUnavailable):
    """The store has no room left: free some, or give it more."""


class StoreReadOnly(BrokerUnavailable, BackendUnavailable):
    """The store may be read but not written: mend its permissions or its mount."""


class NotSupported(CeleriacError):
    """An adapter was asked for what its capabilities exclude; the message says who can do it."""


class NoResultsKept(NotSupported, NotImplementedError):
    """A result was asked for, and nothing keeps any: set `result_backend`."""


class SettlementRefused(CeleriacError):
    """One settlement of a batch cannot be committed as it is, so nothing of the batch was."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(index, message)
        self.index = index

    def __str__(self) -> str:
        index, message = self.args
        return f"settlement {index} of the batch was refused: {message}"


class LeaseLost(CeleriacError):
    """A lease ran out, or another took it, before its holder could renew it."""


class StaleOwner(LeaseLost):
    """A delivery's fencing token is no longer the owner's, so nothing was committed."""


class BackendError(CeleriacError):
    """Root of what goes wrong between a task's state and its store."""


class BackendGetMetaError(BackendError):
    """The state of a task could not be read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.task_id: str = kwargs.get("task_id", "")
        super().__init__(*args)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_listed(self.args)}task_id={self.task_id!r})"


class BackendStoreError(BackendError):
    """The state of a task could not be written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.state: str = kwargs.get("state", "")
        self.task_id: str = kwargs.get("task_id", "")
        super().__init__(*args)

    def __repr__(self) -> str:
        known = f"state={self.state!r}, task_id={self.task_id!r}"
        return f"{type(self).__name__}({_listed(self.args)}{known})"


# --- leaving the process ----------------------------------------------------------------------


class WorkerTerminate(SystemExit):
    """The worker is to leave at once."""


SystemTerminate = WorkerTerminate


class WorkerShutdown(SystemExit):
    """The worker is to finish what it has begun, then leave."""


def reraise(
    tp: type[BaseException], value: BaseException, tb: TracebackType | None = None
) -> NoReturn:
    """Raise `value` with the traceback `tb`; `tp` is accepted for Celery's sake."""
    if value.__traceback__ is not tb:
        raise value.with_traceback(tb)
    raise value


def _listed(args: tuple[Any, ...]) -> str:
    return "".join(f"{arg!r}, " for arg in args)


def _repr_or_none(exc: BaseException | None) -> str | None:
    return None if exc is None else repr(exc)


def _picklable(exc: BaseException | None) -> bool:
    """Whether another process could rebuild the exception, judged without writing it."""
    if exc is None or "<locals>" in type(exc).__qualname__:
        return False
    try:
        parts = exc.__reduce__()
        if isinstance(parts, str):
            return False
        args = parts[1]
        parts[0](*args)
    except Exception:
        return False
    return _is_plain((*args, vars(exc)))


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(entry) for key, entry in value.items())
    return value is None or isinstance(value, (bool, int, float, str, bytes))
