"""`celery.events` and `celery.events.event`."""

import time
from collections.abc import Mapping
from typing import Any, Final

from ...domain.cluster.events import group_of
from ...domain.messaging.queues import Exchange
from ..library.events import EventDispatcher, EventReceiver

__all__ = [
    "EVENT_EXCHANGE_NAME",
    "Event",
    "EventDispatcher",
    "EventReceiver",
    "event_exchange",
    "get_exchange",
    "group_from",
]

EVENT_EXCHANGE_NAME: Final = "celeryev"
event_exchange: Final = Exchange(EVENT_EXCHANGE_NAME, "topic")


def Event(type: str, _fields: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:  # noqa: A002 - Celery's word
    """Return an event: a mapping with a `type`, and the present time unless another is given."""
    return {"timestamp": time.time(), **(_fields or {}), **fields, "type": type}


def group_from(type: str) -> str:  # noqa: A002 - Celery's word
    """Return the group of an event type: `task` of `task-sent`."""
    return group_of(type)


def get_exchange(conn: Any = None, name: str = EVENT_EXCHANGE_NAME) -> Exchange:
    """Return the exchange of events; the broker's adapter knows how it is declared."""
    return Exchange(name, "topic")


# What is below it is imported by this name.
__name__ = "celery.events"
