"""Commands that look at tasks: what is in hand, what is known, what was revoked."""

from collections.abc import Sequence
from typing import Any, Final

from ...domain.work.hands import InHand, Where
from .node import Node
from .panel import inspect_command

#: What `registered` shows of a task if nothing else is asked for.
SHOWN: Final = ("exchange", "routing_key", "rate_limit")
#: Celery's timer priority of tasks with an ETA.
TIMER_PRIORITY: Final = 6
#: How the names of built-in tasks begin.
BUILT_IN: Final = ("celery.", "celeriac.")


@inspect_command(alias="dump_active")
def active(state: Node, safe: bool | None = False, **kwargs: Any) -> list[dict[str, Any]]:
    """Tasks that run."""
    return [state.info(hand, safe=bool(safe)) for hand in _in_hand(state, "active")]


@inspect_command(alias="dump_reserved")
def reserved(state: Node, **kwargs: Any) -> list[dict[str, Any]]:
    """Tasks that wait here for a free slot."""
    return [state.info(hand) for hand in _in_hand(state, "reserved")]


@inspect_command(alias="dump_schedule")
def scheduled(state: Node, **kwargs: Any) -> list[dict[str, Any]]:
    """Tasks that wait here for their time; those with an ETA wait in the broker instead."""
    return [
        {"eta": None, "priority": TIMER_PRIORITY, "request": state.info(hand)}
        for hand in _in_hand(state, "scheduled")
    ]


@inspect_command(variadic="ids", signature="[id1 [id2 [... [idN]]]]")
def query_task(state: Node, ids: str | Sequence[str], **kwargs: Any) -> dict[str, Any]:
    """Where tasks are, by their ids."""
    wanted = {ids} if isinstance(ids, str) else set(ids)
    found = [hand for hand in state.hands() if hand.delivery.message.id in wanted]
    return {hand.delivery.message.id: [hand.where, state.info(hand)] for hand in found}


@inspect_command(alias="dump_revoked")
def revoked(state: Node, **kwargs: Any) -> list[str]:
    """Ids of revoked tasks, oldest first."""
    return state.look(lambda core: list(core.revoked))


@inspect_command(
    alias="dump_tasks", variadic="taskinfoitems", signature="[attr1 [attr2 [... [attrN]]]]"
)
def registered(
    state: Node,
    taskinfoitems: Sequence[str] | None = None,
    builtins: bool = False,
    **kwargs: Any,
) -> list[str]:
    """Names of the tasks known here, with attributes asked for."""
    wanted = [item for item in taskinfoitems or SHOWN if not item.startswith("_")]
    tasks = state.surroundings.tasks()
    names = [name for name in sorted(tasks) if builtins or not name.startswith(BUILT_IN)]
    return [_described(name, tasks[name], wanted) for name in names]


def _described(name: str, task: Any, wanted: Sequence[str]) -> str:
    pairs = ((item, getattr(task, item, None)) for item in wanted)
    shown = " ".join(f"{item}={value}" for item, value in pairs if value is not None)
    return f"{name} [{shown}]" if shown else name


def _in_hand(state: Node, where: Where) -> list[InHand]:
    return [hand for hand in state.hands() if hand.where == where]
