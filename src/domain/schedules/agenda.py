"""BeatCore: entries and the time in, due ticks and the time of the next look out.

A state machine without clock, store or network. Three things stay true whatever the clock does:
a tick is handed out once (unless it is given back), ticks of one entry are handed out in order, and
none is handed out before it is due. A clock that is set back therefore finds nothing due until it
has come again to where it was; one that is set forward makes ticks that were missed, and
``catch_up`` says what becomes of those.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from heapq import heapify, heappop, heappush
from types import MappingProxyType
from typing import assert_never

from .ticks import All, CatchUp, Entry, Look, Once, Skip, Tick
from .wall_time import as_instant

#: How long beat waits at most before it looks at the clock again (Celery's default, 5 minutes).
MAX_INTERVAL = timedelta(minutes=5)


class BeatCore:
    """What is due, and when.

    Args:
        entries: What to send and when. One that never ran is counted from ``now``.
        zone: The zone of wall times, for schedules without their own.
        now: The present, aware.
        catch_up: What becomes of ticks that were missed.
        cron_starting_deadline: A tick of a wall-clock schedule missed by more is left out
            (``beat_cron_starting_deadline``).
        max_interval: The longest time to the next look (``beat_max_loop_interval``).
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        zone: tzinfo,
        now: datetime,
        *,
        catch_up: CatchUp = Once(),  # noqa: B008 - frozen
        cron_starting_deadline: timedelta | None = None,
        max_interval: timedelta = MAX_INTERVAL,
    ) -> None:
        self._zone = zone
        self._catch_up = catch_up
        self._cron_starting_deadline = cron_starting_deadline
        self._max_interval = max_interval
        self._slots: dict[str, _Slot] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._given_back: dict[tuple[str, datetime], Tick] = {}
        self.merge(entries, now)

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The entries by name, with their last runs."""
        return MappingProxyType({name: slot.entry for name, slot in self._slots.items()})

    def look(self, now: datetime) -> Look:
        """Hand out every tick that is due at ``now``."""
        now = _aware(now)
        ticks, skipped = self._take_given_back(now)
        while self._heap and self._heap[0][0] <= now:
            due, name = heappop(self._heap)
            fresh, late = self._take(self._slots[name], due, now)
            ticks += fresh
            skipped += late
        ticks.sort(key=_order)
        return Look(tuple(ticks), self._next_look(now), tuple(skipped))

    def fired(self, tick: Tick) -> Entry | None:
        """Note that ``tick`` was sent; the entry to be stored, None if it is gone by now."""
        slot = self._slots.get(tick.entry_name)
        if slot is None:
            return None
        last_run_at = slot.entry.last_run_at
        latest = tick.due if last_run_at is None else max(last_run_at, tick.due)
        count = slot.entry.total_run_count + 1
        slot.entry = replace(slot.entry, last_run_at=latest, total_run_count=count)
        return slot.entry

    def give_back(self, tick: Tick) -> None:
        """Take back a tick that could not be sent; the next look hands it out again."""
        self._given_back[tick.key] = tick

    def merge(self, entries: Iterable[Entry], now: datetime) -> None:
        """Put ``entries`` in place of the present ones.

        An entry whose schedule is the same goes on where it was, or further on if another beat has
        fired it since. A new schedule, and an entry switched on again, counts from ``now``: what
        it would have fired before then was not missed. Entries not named are dropped.
        """
        now = _aware(now)
        self._slots = {entry.name: self._slot(entry, now) for entry in entries}
        self._given_back = {
            key: tick for key, tick in self._given_back.items() if key[0] in self._slots
        }
        self._heap = [
            (slot.following, name) for name, slot in self._slots.items() if slot.entry.enabled
        ]
        heapify(self._heap)

    def _slot(self, entry: Entry, now: datetime) -> "_Slot":
        """The entry's place in the agenda, taken over from the present one where it may be."""
        known = self._slots.get(entry.name)
        last = None if entry.last_run_at is None else as_instant(entry.last_run_at, self._zone)
        if known is None:
            anchor = now if last is None else last
            return _Slot(replace(entry, last_run_at=last), anchor, self._after(entry, anchor))
        entry = replace(
            entry,
            last_run_at=_later(known.entry.last_run_at, last),
            total_run_count=max(known.entry.total_run_count, entry.total_run_count),
        )
        if entry.schedule != known.entry.schedule or entry.enabled > known.entry.enabled:
            # Never before what was handed out, even if the clock was set back meanwhile.
            anchor = max(now, known.anchor)
            return _Slot(entry, anchor, self._after(entry, anchor))
        if last is None or last <= known.anchor:
            return _Slot(entry, known.anchor, known.following)
        return _Slot(entry, last, self._after(entry, last))

    def _take(self, slot: "_Slot", due: datetime, now: datetime) -> tuple[list[Tick], list[Tick]]:
        """The ticks of one entry to send and to leave out; the entry moves on behind them."""
        pending, following = [due], self._after(slot.entry, due)
        if following <= now:
            pending = self._pending(slot, due, now)
            following = self._after(slot.entry, pending[-1])
        slot.anchor, slot.following = pending[-1], following
        heappush(self._heap, (following, slot.entry.name))
        ticks = [Tick(slot.entry.name, each, slot.entry) for each in pending]
        fresh = [tick for tick in ticks if not self._is_too_late(tick, now)]
        late = [tick for tick in ticks if self._is_too_late(tick, now)]
        return fresh, late[-1:]

    def _pending(self, slot: "_Slot", due: datetime, now: datetime) -> list[datetime]:
        """The due times up to ``now`` that the policy keeps, ``due`` being the first; in order."""
        latest = self._latest(slot.entry, slot.anchor, now) or due
        match self._catch_up:
            case Once() | Skip():
                return [latest]
            case All(limit):
                return self._last_few(slot, latest, limit)
            case _ as never:
                assert_never(never)

    def _last_few(self, slot: "_Slot", latest: datetime, limit: int) -> list[datetime]:
        """The last ``limit`` due times up to ``latest``, found from the end of what may be many."""
        found = [latest]
        while len(found) < limit:
            before = self._latest(slot.entry, slot.anchor, found[-1] - timedelta.resolution)
            if before is None:
                break
            found.append(before)
        return found[::-1]

    def _is_too_late(self, tick: Tick, now: datetime) -> bool:
        deadlines = []
        if tick.entry.schedule.wall_clock and self._cron_starting_deadline is not None:
            deadlines.append(self._cron_starting_deadline)
        if isinstance(self._catch_up, Skip):
            deadlines.append(self._catch_up.grace)
        return any(now - tick.due > deadline for deadline in deadlines)

    def _take_given_back(self, now: datetime) -> tuple[list[Tick], list[Tick]]:
        ticks = sorted(self._given_back.values(), key=_order)
        self._given_back.clear()
        fresh = [tick for tick in ticks if not self._is_too_late(tick, now)]
        return fresh, [tick for tick in ticks if self._is_too_late(tick, now)]

    def _next_look(self, now: datetime) -> datetime | None:
        return min(self._heap[0][0], now + self._max_interval) if self._heap else None

    def _after(self, entry: Entry, last: datetime) -> datetime:
        return entry.schedule.next_after(last, self._zone)

    def _latest(self, entry: Entry, after: datetime, until: datetime) -> datetime | None:
        return entry.schedule.latest_between(after, until, self._zone)


class _Slot:
    """An entry in the agenda: the due time it was last served at, and the one that follows."""

    __slots__ = ("anchor", "entry", "following")

    def __init__(self, entry: Entry, anchor: datetime, following: datetime) -> None:
        self.entry = entry
        self.anchor = anchor
        self.following = following


def _order(tick: Tick) -> tuple[datetime, str]:
    return tick.due, tick.entry_name


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _aware(now: datetime) -> datetime:
    if now.tzinfo is None:
        raise ValueError(f"now is {now!r}; expected an aware datetime, as Clock.now() gives")
    return now.astimezone(UTC)
