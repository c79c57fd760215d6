"""Entries of a schedule as schedulers of others know them: `celery.beat.ScheduleEntry`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ...domain.schedules import maybe_schedule

if TYPE_CHECKING:
    from typing import Self

    from .app import Celeriac

#: What may be changed of an entry without its becoming another one.
EDITABLE: Final = ("task", "schedule", "args", "kwargs", "options")


class ScheduleEntry:
    """What is to be sent, when, and when it was sent last.

    Args:
        name: What it is called.
        task: The task's name.
        last_run_at: When it was sent last; default: now.
        total_run_count: How often it was sent.
        schedule: Seconds, a timedelta, or a schedule.
        args: Positional arguments of the call.
        kwargs: Keyword arguments of the call.
        options: Options of the call, as of `apply_async`.
        relative: Whether seconds are rounded to the clock.
        app: The app it belongs to.
    """

    name: str | None = None
    task: str | None = None
    schedule: Any = None
    args: Any = None
    kwargs: Any = None
    options: Any = None
    last_run_at: datetime | None = None
    total_run_count = 0
    app: Any = None

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __init__(
        self,
        name: str | None = None,
        task: str | None = None,
        last_run_at: datetime | None = None,
        total_run_count: int | None = None,
        schedule: Any = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        relative: bool = False,
        app: "Celeriac | None" = None,
    ) -> None:
        self.app = app
        self.name, self.task = name, task
        self.args, self.kwargs = args, dict(kwargs or {})
        self.options = dict(options or {})
        self.schedule = maybe_schedule(schedule, relative, app=app)
        self.last_run_at = last_run_at or self.default_now()
        self.total_run_count = total_run_count or 0

    def default_now(self) -> datetime:
        """Return the present, in the schedule's eyes."""
        now: datetime = (self.schedule or self.app).now()
        return now

    _default_now = default_now

    def is_due(self) -> Any:
        """Return whether to send it now, and in how many seconds to ask again."""
        return self.schedule.is_due(self.last_run_at)

    def _next_instance(self, last_run_at: datetime | None = None) -> "Self":
        """Return the entry as it is once it was sent."""
        sent = {"last_run_at": last_run_at or self.default_now()}
        return type(self)(**{**dict(self), **sent, "total_run_count": self.total_run_count + 1})

    __next__ = next = _next_instance

    def update(self, other: "ScheduleEntry") -> None:
        """Take over what may be changed of another."""
        for name in EDITABLE:
            setattr(self, name, getattr(other, name))

    def editable_fields_equal(self, other: "ScheduleEntry") -> bool:
        """Tell whether another asks for the same call at the same times."""
        return all(getattr(self, name) == getattr(other, name) for name in EDITABLE)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Yield its attributes: `dict(entry)`."""
        yield from vars(self).items()

    def __eq__(self, other: object) -> bool:
        """Compare what may be changed."""
        return isinstance(other, ScheduleEntry) and self.editable_fields_equal(other)

    def __lt__(self, other: object) -> bool:
        """Stand somewhere in a heap: entries of one time have no order that matters."""
        return id(self) < id(other) if isinstance(other, ScheduleEntry) else NotImplemented

    def __repr__(self) -> str:
        """Show name, task and schedule."""
        return f"<{type(self).__name__}: {self.name} {self.task} {self.schedule}>"

    def __reduce__(self) -> Any:
        """Pickle without the app."""
        return type(self), (
            self.name,
            self.task,
            self.last_run_at,
            self.total_run_count,
            self.schedule,
            self.args,
            self.kwargs,
            self.options,
        )
