"""The beats of a simulated cluster: the real shell and core, stepped, on shared stores."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.memory.clock import NOON
from celeriac.adapters.memory.store import MemoryStore
from celeriac.application.beat import Beat
from celeriac.application.keep_beat import BeatSettings
from celeriac.application.send import Sending
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.schedules import All, Crontab, Entry, Interval

from .faults import Faults, FaultyCoordinator, FaultySchedules

ENTRIES = (Entry("sevenths", "tick", Interval(7)), Entry("minutes", "tick", Crontab()))


def new_beat(
    name: str, store: MemoryStore, clock: VirtualClock, sends: Sending, faults: Faults
) -> Beat:
    def make(entry: Entry, options: Mapping[str, Any]) -> TaskMessage:
        return sends.message(entry.task, (), {}, options)

    return Beat(
        BeatSettings(name, catch_up=All(limit=10_000)),
        lambda: ENTRIES,
        make,
        sends.publish,
        FaultySchedules(store, name, faults),
        FaultyCoordinator(store, name, faults),
        clock,
    )


def all_ticks(until: datetime) -> set[str]:
    """Return every tick there should have been."""
    found: set[str] = set()
    for entry in ENTRIES:
        due = entry.schedule.next_after(NOON)
        while due <= until:
            found.add(f"{entry.name}@{due.isoformat()}")
            due = entry.schedule.next_after(due)
    return found
