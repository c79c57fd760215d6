"""Commands that change what becomes of tasks: revoke, terminate, limits."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from signal import SIGTERM, Signals
from typing import Any

from ...domain.work.limits import rate
from ...domain.work.stamps import as_values, meant_by
from .node import Node
from .panel import control_command

logger = logging.getLogger("celeriac.worker")


@control_command(variadic="task_id", signature="[id1 [id2 [... [idN]]]]")
def revoke(
    state: Node,
    task_id: str | Iterable[str] | None,
    terminate: bool = False,
    signal: str | int | None = None,
    withdrawn: bool = False,
    **kwargs: Any,
) -> dict[str, str]:
    """Keep tasks from being run, by their ids; with `terminate` end those that run.

    `withdrawn` says that whoever asks has emptied the queues of them already.
    """
    ids = _ids(task_id)
    ending = _ending(state, ids, signal) if terminate else []
    now, tick = state.clock.now(), state.clock.monotonic()
    state.act(lambda core: core.revoke(ids, now, tick, terminate=terminate))
    if ids and not withdrawn and (seized := state.surroundings.seize(ids)):
        state.act(lambda core: core.on_seized(seized, state.clock.now()))
    if not terminate:
        logger.info("Tasks flagged as revoked: %s", ", ".join(ids))
        return {"ok": f"tasks {set(ids)} flagged as revoked"}
    return {"ok": f"terminate: {', '.join(ending) or 'tasks unknown'}"}


@control_command(
    variadic="task_id", args=[("signal", str)], signature="<signal> [id1 [id2 [... [idN]]]]"
)
def terminate(
    state: Node, signal: str | int, task_id: str | Iterable[str], **kwargs: Any
) -> dict[str, str]:
    """End tasks where they run, by their ids."""
    return revoke(state, task_id, terminate=True, signal=signal, **kwargs)


@control_command(variadic="headers", signature="[key1=value1 [key2=value2 [... [keyN=valueN]]]]")
def revoke_by_stamped_headers(
    state: Node,
    headers: Mapping[str, Any] | Sequence[str],
    terminate: bool = False,
    signal: str | int | None = None,
    **kwargs: Any,
) -> dict[str, str]:
    """Keep tasks from being run, by their stamps; with `terminate` end those that run."""
    stamps = dict(headers) if isinstance(headers, Mapping) else _of_words(headers)
    wanted = {name: as_values(values) for name, values in stamps.items()}
    hit: dict[str, set[Any]] = {}
    if terminate:
        hit = _ending_stamped(state, wanted, signal)
    now = state.clock.now()
    state.act(lambda core: core.revoke_stamped(wanted, now, terminate=terminate))
    if not terminate:
        return {"ok": f"headers {stamps} flagged as revoked, but not terminated"}
    return {"ok": f"headers {hit} revoked" if hit else f"headers {stamps} were not terminated"}


@control_command(
    args=[("task_name", str), ("rate_limit", str)],
    signature="<task_name> <rate_limit (e.g., 5/s | 5/m | 5/h)>",
)
def rate_limit(
    state: Node, task_name: str, rate_limit: str | float | None, **kwargs: Any
) -> dict[str, str]:
    """Set the rate limit of a task."""
    try:
        rate(rate_limit)
    except ValueError as wrong:
        return {"error": f"Invalid rate limit string: {wrong!r}"}
    task = state.surroundings.tasks().get(task_name)
    if task is None:
        return {"error": "unknown task"}
    task.rate_limit = rate_limit
    state.look(lambda core: core.rate_limit(task_name, rate_limit))
    logger.info("rate limit of task %s is %s now", task_name, rate_limit or "off")
    return {"ok": f"{'new rate limit set' if rate_limit else 'rate limit disabled'} successfully"}


@control_command(
    args=[("task_name", str), ("soft", float), ("hard", float)],
    signature="<task_name> <soft_secs> [hard_secs]",
)
def time_limit(
    state: Node,
    task_name: str | None = None,
    hard: float | None = None,
    soft: float | None = None,
    **kwargs: Any,
) -> dict[str, str]:
    """Set the time limits of a task, in seconds."""
    task = state.surroundings.tasks().get(task_name or "")
    if task is None:
        return {"error": "unknown task"}
    for name, limit in (("hard", hard), ("soft", soft)):
        if limit is not None and not isinstance(limit, int | float):
            raise ValueError(f"{name}={limit!r}: expected seconds, or null for none")
    task.time_limit, task.soft_time_limit = hard, soft
    state.look(lambda core: core.time_limits.__setitem__(task.name, (hard, soft)))
    logger.info("time limits of task %s are soft=%s hard=%s now", task_name, soft, hard)
    return {"ok": "time limits set successfully"}


def _ids(asked: object) -> list[str]:
    ids = as_values(asked)
    if wrong := [id_ for id_ in ids if not isinstance(id_, str)]:
        raise TypeError(f"task_id={wrong[0]!r}: expected a task id, or a list of them")
    return [str(id_) for id_ in ids]


def _ending(state: Node, ids: Sequence[str], signal: str | int | None) -> list[str]:
    """Remember by which signal the tasks that run are ended; return their ids."""
    number = signal_number(signal)
    running = {hand.delivery.message.id for hand in state.hands() if hand.where == "active"}
    found = [id_ for id_ in ids if id_ in running]
    state.chronicle.signals.update(dict.fromkeys(found, number))
    return found


def _ending_stamped(
    state: Node, wanted: Mapping[str, list[object]], signal: str | int | None
) -> dict[str, set[Any]]:
    number, is_meant = signal_number(signal), meant_by(wanted)
    hit: dict[str, set[Any]] = {}
    for hand in state.hands():
        message = hand.delivery.message
        if hand.where == "active" and is_meant(message):
            state.chronicle.signals[message.id] = number
            carried = message.headers.get("stamps") or {}
            for name, values in wanted.items():
                if found := set(as_values(carried.get(name))) & set(values):
                    hit.setdefault(name, set()).update(found)
    return hit


def signal_number(signal: str | int | None) -> int:
    """Return the number of a signal such as `SIGKILL`, `KILL` or 9. Raises ValueError."""
    if signal is None:
        return int(SIGTERM)
    try:
        if isinstance(signal, int):
            return int(Signals(signal))
        name = signal.upper()
        return int(Signals[name if name.startswith("SIG") else f"SIG{name}"])
    except (KeyError, ValueError):
        raise ValueError(f"signal={signal!r}: expected a name such as SIGTERM") from None


def _of_words(words: Sequence[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise ValueError(f"headers {wrong}: expected words such as name=value")
    return {name: value for name, _, value in pairs}
