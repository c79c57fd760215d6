"""Beat: the shell around BeatCore. Leads by lease, looks at what is due, has it sent.

Any number of beats may run; one leads, the others stand by. What must stay true:

- a leader that is silent is followed within the lease (`lead`);
- leadership only saves work. That no tick is sent twice is the schedule store's doing
  (`send_ticks`), so a leader that was paused and does not know that it is over does no harm;
- a new leader knows nothing by itself: last runs, and what is owed, come from the store.

An entry counts from when it was first seen, which is stored: one that fires once a week does so
however often beat is restarted.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

from ..domain.schedules import All, BeatCore, Entry, Look, Tick
from ..domain.schedules.fingerprint import fingerprint
from ..ports.clock import Clock
from ..ports.coordinator import Coordinator, Grant
from ..ports.schedule_store import LastRun, ScheduleStore
from .keep_beat import Beating, BeatSettings
from .send_ticks import AWAY, MakeMessage, Publish, TickSender

logger = logging.getLogger("celeriac.beat")

#: First and longest pause before what a store could not take is tried again, in seconds.
PAUSE_SECONDS: Final = (0.05, 2.0)

Entries = Callable[[], Sequence[Entry]]


class Beat(Beating):
    """Sends what is due, while it leads. `step` and `run` belong to one thread.

    Args:
        settings: What it is told.
        entries: Gives the schedule; as long as it is the same, the same object.
        make: Makes the message of an entry, given further options.
        publish: Publishes messages; raises BrokerUnavailable.
        store: Remembers last runs.
        coordinator: Grants the lease.
        clock: Tells the time.
    """

    def __init__(
        self,
        settings: BeatSettings,
        entries: Entries,
        make: MakeMessage,
        publish: Publish,
        store: ScheduleStore,
        coordinator: Coordinator,
        clock: Clock,
    ) -> None:
        super().__init__(settings, coordinator, clock)
        self._read, self._store, self._clock = entries, store, clock
        self._sender = TickSender(store, make, publish, clock, settings.key, self._fingerprint)
        self._core: BeatCore | None = None
        self._entries: Sequence[Entry] = ()
        self._grant: Grant | None = None
        self._pause = 0.0
        self._said: str | None = None

    # -- life

    @property
    def leads(self) -> bool:
        """Whether this beat is the one that sends."""
        return self._core is not None

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The entries by name with their last runs, as far as this beat leads."""
        return {} if self._core is None else self._core.entries

    def step(self) -> float:
        """Do what there is to do now; return in how many seconds to come again, at the latest."""
        try:
            core = self._led()
            if core is None:
                self._pause = 0.0
                return self._leadership.quarter
            return self._look(core)
        except AWAY as why:
            self._say(logging.ERROR, f"beat: the store is away, trying again: {why}")
            return self._next_pause()

    def resign(self) -> None:
        """Stop leading, and let another lead at once."""
        self._core = self._grant = None
        with suppress(*AWAY):
            self._sender.remember()
        with suppress(*AWAY):
            self._leadership.release()

    # -- leading

    def _led(self) -> BeatCore | None:
        """The agenda, if this beat leads."""
        try:
            grant = self._leadership.held()
        except AWAY:
            self._core = None
            raise
        if grant is None:
            self._stand_by()
        elif self._core is None or self._grant != grant:
            self._core = None
            self._core, self._grant = self._taken_over(), grant
        return self._core

    def _stand_by(self) -> None:
        self._core = self._grant = None
        self._say(logging.INFO, "beat: another beat leads, standing by")

    def _taken_over(self) -> BeatCore:
        """An agenda that goes on where the store says that the last leader was."""
        self._sender.remember()
        now = self._clock.now()
        runs = self._last_runs()
        self._entries = self._read()
        settings = self.settings
        core = BeatCore(
            self._placed(self._entries, runs, now),
            settings.zone,
            now,
            catch_up=settings.catch_up,
            cron_starting_deadline=settings.cron_starting_deadline,
            max_interval=settings.max_interval,
        )
        owed = list(self._owed(core.entries, runs))
        self._sender.begin(owed)
        for tick, _ in owed:
            core.give_back(tick)
        self._say(logging.INFO, f"beat: leading as {settings.holder}")
        return core

    def _owed(
        self, entries: Mapping[str, Entry], runs: Mapping[str, LastRun]
    ) -> Iterable[tuple[Tick, datetime]]:
        """Ticks that a beat claimed and nobody is known to have published."""
        for name, entry in entries.items():
            run = runs.get(self.settings.key(name))
            if run is not None and not run.published:
                yield Tick(name, run.due, entry), run.sent_at

    # -- looking

    def _look(self, core: BeatCore) -> float:
        now = self._clock.now()
        self._merge(core, now)
        look = core.look(now)
        self._leave_out(look.skipped)
        sent = self._sender.send(self._collapsed(look.ticks))
        for tick in sent.done:
            core.fired(tick)
        for tick in sent.back:
            core.give_back(tick)
        if sent.back:
            return self._next_pause()
        self._sender.remember()
        self._pause, self._said = 0.0, None
        return self._until(look)

    def _leave_out(self, skipped: Sequence[Tick]) -> None:
        for tick in skipped:
            logger.warning("beat: %s was due at %s: too late, left out", tick.entry_name, tick.due)
        self._sender.drop(skipped)

    def _collapsed(self, ticks: Sequence[Tick]) -> list[Tick]:
        """Leave out what heaped up while the broker was away, as the policy has it."""
        policy = self.settings.catch_up
        most = policy.limit if isinstance(policy, All) else 1
        kept: list[Tick] = []
        counted: dict[str, int] = {}
        for tick in reversed(ticks):
            counted[tick.entry_name] = counted.get(tick.entry_name, 0) + 1
            # What is claimed may be out already, so another cannot stand for it.
            if counted[tick.entry_name] <= most or self._sender.holds(tick):
                kept.append(tick)
        return kept[::-1]

    def _until(self, look: Look) -> float:
        """Seconds to wait: to the next tick, but never so long that the lease would end."""
        if look.next_look is None:
            return self._leadership.quarter
        wait = (look.next_look - self._clock.now()).total_seconds()
        return min(max(wait, 0.0), self._leadership.quarter)

    def _next_pause(self) -> float:
        first, longest = PAUSE_SECONDS
        self._pause = min(max(first, 2 * self._pause), longest, self._leadership.quarter)
        return self._pause

    # -- entries

    def _merge(self, core: BeatCore, now: datetime) -> None:
        """Take over a schedule that was changed while beat runs."""
        found = self._read()
        if found is self._entries:
            return
        placed = self._placed(found, self._last_runs(), now)
        gone = set(core.entries) - {entry.name for entry in placed}
        if gone:
            self._store.forget([self.settings.key(name) for name in sorted(gone)])
        core.merge(placed, now)
        self._entries = found
        logger.info("beat: the schedule was changed and has %d entries now", len(placed))

    def _placed(
        self, entries: Iterable[Entry], runs: Mapping[str, LastRun], now: datetime
    ) -> list[Entry]:
        """Entries with their last runs; those that are new or changed count from now."""
        placed: list[Entry] = []
        begun: list[LastRun] = []
        for entry in entries:
            key, schedule = self.settings.key(entry.name), self._fingerprint(entry)
            run = runs.get(key)
            if run is None or _is_changed(run, schedule):
                run = _begun(key, run, schedule, now)
                begun.append(run)
            placed.append(replace(entry, last_run_at=run.due, total_run_count=run.total))
        self._store.remember(begun)
        return placed

    def _last_runs(self) -> dict[str, LastRun]:
        return {run.entry: run for run in self._store.last_runs()}

    def _fingerprint(self, entry: Entry) -> str:
        return fingerprint(entry.schedule, self.settings.zone)

    def _say(self, level: int, text: str) -> None:
        """Log a state once, not every time it is found again."""
        if text != self._said:
            self._said = text
            logger.log(level, "%s", text)


def _is_changed(run: LastRun, schedule: str) -> bool:
    """Whether the schedule is another than when it ran; not while that run is still owed."""
    return run.published and "" not in (run.schedule, schedule) and run.schedule != schedule


def _begun(key: str, run: LastRun | None, schedule: str, now: datetime) -> LastRun:
    """What is remembered of an entry that counts from now."""
    if run is None:
        return LastRun(key, now, now, 0, schedule, True)
    # Never before what was fired, even if the clock was set back since.
    return LastRun(key, max(run.due, now), now, run.total, schedule, True)
