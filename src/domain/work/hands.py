"""What a worker has in hand, as remote control shows it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ..messaging.delivery import Delivery
from ..messaging.message import TaskMessage
from ..tasks.options import TaskOptions

#: `active` is at the pool, `reserved` waits for a slot, `scheduled` for its rate limit.
Where = Literal["active", "reserved", "scheduled"]


@dataclass(frozen=True, slots=True)
class InHand:
    """One delivery. `began` and `pid` are known of tasks that may take long."""

    where: Where
    delivery: Delivery
    options: TaskOptions | None
    began: datetime | None = None
    pid: int | None = None


#: Names of stamps, and the values of each that are meant.
Stamps = Mapping[str, Iterable[object]]


def meant_by(stamps: Stamps) -> Callable[[TaskMessage], bool]:
    """Return what tells whether a message carries one of these stamps."""
    wanted = {name: list(values) for name, values in stamps.items()}

    def is_meant(message: TaskMessage) -> bool:
        carried = message.headers.get("stamps") or {}
        return any(
            value in values
            for name, values in wanted.items()
            for value in as_values(carried.get(name))
        )

    return is_meant


def as_values(stamp: object) -> list[object]:
    """Return the values of a stamp, which may be one or a list."""
    if stamp is None:
        return []
    return list(stamp) if isinstance(stamp, list | tuple | set | frozenset) else [stamp]
