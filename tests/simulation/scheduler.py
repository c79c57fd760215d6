"""One beat of a simulated cluster: the real core on a shared schedule store."""

from datetime import UTC, datetime

from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.memory.clock import NOON
from celeriac.adapters.memory.schedule_store import MemoryScheduleStore
from celeriac.adapters.memory.store import MemoryStore
from celeriac.application.send import Sending
from celeriac.domain.schedules import All, BeatCore, Crontab, Entry, Interval, Schedule

SCHEDULES: dict[str, Schedule] = {"sevenths": Interval(7), "minutes": Crontab()}


def tick_id(entry: str, due: datetime) -> str:
    return f"{entry}@{due.isoformat()}"


class Beat:
    """Looks at its agenda when stepped, and sends each tick that no other beat has claimed."""

    def __init__(self, store: MemoryStore, clock: VirtualClock, sends: Sending) -> None:
        self._schedules, self._clock, self._sends = MemoryScheduleStore(store), clock, sends
        last = {run.entry: run.due for run in self._schedules.last_runs()}
        entries = [
            Entry(name, "tick", schedule, last_run_at=last.get(name, NOON))
            for name, schedule in SCHEDULES.items()
        ]
        self._core = BeatCore(entries, UTC, clock.now(), catch_up=All(limit=10_000))

    def look(self) -> datetime:
        """Send what is due; return until when was looked."""
        now = self._clock.now()
        for tick in self._core.look(now).ticks:
            if self._schedules.claim_tick(tick.entry_name, tick.due, now):
                options = {"task_id": tick_id(tick.entry_name, tick.due)}
                self._sends.publish([self._sends.message("tick", (), {}, options)])
            self._core.fired(tick)
        return now


def all_ticks(until: datetime) -> set[str]:
    """Return the ids of every tick there should have been."""
    found: set[str] = set()
    for name, schedule in SCHEDULES.items():
        due = schedule.next_after(NOON, UTC)
        while due <= until:
            found.add(tick_id(name, due))
            due = schedule.next_after(due, UTC)
    return found
