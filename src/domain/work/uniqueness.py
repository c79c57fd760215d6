"""Keys of unique tasks: held under the id of the first call, until its task has started or is done.

The key travels with the message, so that whoever settles it can let go of it, and nobody else. A
call that goes on under the same id, as a retry or a replacement, takes the key along.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..messaging.message import TaskMessage
from .job import Report
from .settlement import Park, Requeue

#: The header that carries the key of a unique task.
HEADER: Final = "celeriac_unique"
#: When the key is free again.
AT_START: Final = "start"
WHEN_DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """A key as its holder, a task id, was granted it."""

    name: str
    holder: str
    fence: int


def header_of(key: UniqueKey, until: str) -> Mapping[str, Any]:
    """Return what travels with the message of the holder."""
    return {"name": key.name, "fence": key.fence, "until": until}


def key_of(message: TaskMessage, moment: str) -> UniqueKey | None:
    """Return the key that a message's task lets go of at this moment."""
    said = message.headers.get(HEADER)
    if not isinstance(said, Mapping) or said.get("until") != moment:
        return None
    name, fence = said.get("name"), said.get("fence")
    if not isinstance(name, str) or isinstance(fence, bool) or not isinstance(fence, int):
        return None
    return UniqueKey(name, message.id, fence)


def handed_on(message: TaskMessage, report: Report) -> tuple[Report, UniqueKey | None]:
    """Return the report of a task that ended, and the key that is free now.

    While the task goes on under its id, no key is free; what goes on takes the header along.
    """
    key = key_of(message, WHEN_DONE)
    if key is None or isinstance(report.disposition, Requeue | Park):
        return report, None
    if all(one.id != message.id for one in report.publish):
        return report, key
    said = message.headers[HEADER]
    publish = tuple(
        replace(one, headers={**one.headers, HEADER: said}) if one.id == message.id else one
        for one in report.publish
    )
    return report._replace(publish=publish), None
