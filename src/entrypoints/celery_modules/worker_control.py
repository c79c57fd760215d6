"""`celery.worker.control`: the commands, and how others are added."""

from os import EX_OK
from typing import Any, Final

from ...application.commands import Panel, control_command, inspect_command
from ...application.commands.about_tasks import (
    SHOWN,
    active,
    query_task,
    registered,
    reserved,
    revoked,
    scheduled,
)
from ...application.commands.about_worker import (
    active_queues,
    clock,
    conf,
    hello,
    memdump,
    memsample,
    objgraph,
    ping,
    report,
    stats,
)
from ...application.commands.on_tasks import (
    rate_limit,
    revoke,
    revoke_by_stamped_headers,
    terminate,
    time_limit,
)
from ...application.commands.on_worker import (
    add_consumer,
    autoscale,
    cancel_consumer,
    disable_events,
    election,
    enable_events,
    heartbeat,
    pool_grow,
    pool_restart,
    pool_shrink,
    shutdown,
)
from ...application.commands.panel import Info as controller_info_t

__all__ = [
    "DEFAULT_TASK_INFO_ITEMS",
    "EX_OK",
    "TERM_SIGNAME",
    "Panel",
    "active",
    "active_queues",
    "add_consumer",
    "autoscale",
    "cancel_consumer",
    "clock",
    "conf",
    "control_command",
    "controller_info_t",
    "disable_events",
    "election",
    "enable_events",
    "heartbeat",
    "hello",
    "inspect_command",
    "memdump",
    "memsample",
    "nok",
    "objgraph",
    "ok",
    "ping",
    "pool_grow",
    "pool_restart",
    "pool_shrink",
    "query_task",
    "rate_limit",
    "registered",
    "report",
    "reserved",
    "revoke",
    "revoke_by_stamped_headers",
    "revoked",
    "scheduled",
    "shutdown",
    "stats",
    "terminate",
    "time_limit",
]

DEFAULT_TASK_INFO_ITEMS: Final = SHOWN
TERM_SIGNAME: Final = "SIGTERM"


def ok(value: Any) -> dict[str, Any]:
    """Return the answer of a command that did what it was asked."""
    return {"ok": value}


def nok(value: Any) -> dict[str, Any]:
    """Return the answer of a command that could not."""
    return {"error": value}
