"""Periodic tasks as users write them: `beat_schedule` and `add_periodic_task` become entries.

An entry is checked whole when it is read, so that what is wrong with one is said when beat starts
and not when it is due.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ...domain.errors import ImproperlyConfigured
from ...domain.schedules import Crontab, Entry, Schedule, maybe_schedule
from .canvas import Signature
from .kept_for import kept_for

if TYPE_CHECKING:
    from .app import Celeriac

logger = logging.getLogger("celeriac.beat")

#: Deletes old results every day; not worth doing any more when half a day late, as in Celery.
CLEANUP: Final = "celery.backend_cleanup"
CLEANUP_EXPIRES: Final = 12 * 3600

_KEYS: Final = ("task", "schedule", "args", "kwargs", "options", "relative", "name")
_CANVAS: Final = ("chain", "group", "chord")


def add_periodic_task(
    app: "Celeriac",
    schedule: Any,
    sig: Any,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    name: str | None = None,
    **opts: Any,
) -> str:
    """Have a call sent on a schedule; returns the name of the entry. See `Celeriac`."""
    call = _signature(app, sig, args, dict(kwargs or {}))
    key = name or repr(call)
    entries = _added(app)
    entry = {
        "task": call.task,
        "schedule": schedule,
        "args": call.args,
        "kwargs": call.kwargs,
        "options": {**call.options, **opts},
    }
    _entry(app, key, entry)
    if key in entries and entries[key] != entry:
        logger.warning("the periodic task %r is replaced; give one of them another name=", key)
    entries[key] = entry
    return key


def _signature(
    app: "Celeriac", sig: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Signature:
    if isinstance(sig, Signature):
        call = sig.clone(args, kwargs)
        if call.get("subtask_type") in _CANVAS:
            raise ImproperlyConfigured(
                f"add_periodic_task cannot send a {call['subtask_type']}; give it a task that "
                f"calls the {call['subtask_type']}"
            )
        return call
    return Signature(sig, args, kwargs, app=app)


def _added(app: "Celeriac") -> dict[str, Any]:
    # Beside the settings: these may be read, or read anew, after the tasks were added.
    found: dict[str, Any] = vars(app).setdefault("_periodic_tasks", {})
    return found


class AppSchedule:
    """The schedule of an app, read again at each call; the same object while nothing changes."""

    def __init__(self, app: "Celeriac") -> None:
        self._app = app
        self._seen: dict[str, Any] = {}
        self._entries: list[Entry] | None = None

    def __call__(self) -> Sequence[Entry]:
        """Return the entries. Raises ImproperlyConfigured the first time, later it only logs."""
        raw = {**self._app.conf.beat_schedule, **_added(self._app)}
        if self._entries is None:
            self._entries = self._read(raw)
        elif raw != self._seen:
            try:
                self._entries = self._read(raw)
            except ImproperlyConfigured as why:
                logger.error("beat: the schedule was changed but stays as it was: %s", why)
        else:
            return self._entries
        self._seen = {key: dict(v) if isinstance(v, dict) else v for key, v in raw.items()}
        return self._entries

    def _read(self, raw: Mapping[str, Any]) -> list[Entry]:
        entries = [_entry(self._app, str(key), value) for key, value in raw.items()]
        if CLEANUP not in raw and _has_results_to_clean(self._app):
            entries.append(_cleanup(self._app))
        return entries


def _has_results_to_clean(app: "Celeriac") -> bool:
    results = app.results
    kept = results.url != "disabled://" and not results.capabilities.expires_itself
    return kept and not kept_for(app).for_ever


def _cleanup(app: "Celeriac") -> Entry:
    schedule = maybe_schedule(Crontab("0", "4"), app=app)
    return Entry(CLEANUP, CLEANUP, schedule, options={"expires": CLEANUP_EXPIRES})


def _entry(app: "Celeriac", key: str, value: Any) -> Entry:
    """Return the entry that a user wrote. Raises ImproperlyConfigured."""
    if isinstance(value, Entry):
        return value
    if not isinstance(value, Mapping):
        raise _wrong(key, "", value, "a dict with 'task' and 'schedule'")
    for name in value:
        if name not in _KEYS:
            from difflib import get_close_matches  # for slips only

            near = get_close_matches(str(name), _KEYS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(_KEYS)}"
            raise ImproperlyConfigured(f"beat_schedule[{key!r}] has no key {name!r}{hint}")
    return Entry(
        name=key,
        task=_task(key, value.get("task")),
        schedule=_schedule(app, key, value),
        args=_args(key, value.get("args")),
        kwargs=_mapping(key, "kwargs", value.get("kwargs")),
        options=_mapping(key, "options", value.get("options")),
    )


def _task(key: str, value: Any) -> str:
    name = value if isinstance(value, str) else getattr(value, "name", None)
    if not isinstance(name, str) or not name:
        raise _wrong(key, "task", value, "the name of a task")
    return name


def _schedule(app: "Celeriac", key: str, entry: Mapping[str, Any]) -> Schedule:
    value = entry.get("schedule")
    is_length = isinstance(value, int | float | timedelta) and not isinstance(value, bool)
    if not is_length and not all(hasattr(value, name) for name in ("next_after", "latest_between")):
        wanted = "seconds, a timedelta, or crontab(...) or schedule(...) of celeriac.schedules"
        raise _wrong(key, "schedule", value, wanted)
    try:
        made: Schedule = maybe_schedule(value, bool(entry.get("relative", False)), app=app)
    except (TypeError, ValueError) as why:
        raise ImproperlyConfigured(f"beat_schedule[{key!r}]['schedule']: {why}") from why
    return made


def _args(key: str, value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
        raise _wrong(key, "args", value, "a list or tuple, such as (16,)")
    return tuple(value)


def _mapping(key: str, name: str, value: Any) -> dict[str, Any]:
    # Celery's default for kwargs is an empty tuple.
    if value is None or value == ():
        return {}
    if not isinstance(value, Mapping):
        raise _wrong(key, name, value, "a dict")
    return dict(value)


def _wrong(key: str, name: str, value: Any, wanted: str) -> ImproperlyConfigured:
    where = f"beat_schedule[{key!r}]" + (f"[{name!r}]" if name else "")
    return ImproperlyConfigured(f"{where} is {value!r}: expected {wanted}")
