"""Who a client is where it speaks by events, and how it tells of what it sent."""

import os
import time
from typing import TYPE_CHECKING

from ..application.tell_of_sending import SentEvents
from ..domain.cluster.events import Source

if TYPE_CHECKING:
    from .library.parts import AppParts


def utc_offset() -> float:
    """Return how many hours this host's time is west of UTC."""
    return (time.altzone if time.localtime().tm_isdst else time.timezone) / 3600


def client_source(app: "AppParts") -> Source:
    """Return who speaks where a client does."""
    return Source(f"gen{os.getpid()}@{app.hostname}", utc_offset(), os.getpid())


def sent_events(app: "AppParts") -> SentEvents:
    """Return what tells of an app's messages."""
    container = app.container
    return SentEvents(
        lambda: container.bus(),
        app.conf.event_exchange,
        client_source(app),
        container.logical(),
        container.clock(),
    )
