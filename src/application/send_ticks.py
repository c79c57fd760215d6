"""Send ticks: claim in the schedule store, publish, remember that they are out. In this order.

- The claim comes first, so that of many beats one sends a tick, whoever of them believes to lead.
- A claimed tick is *owed* until its message is remembered as published. When publishing fails, this
  process tries again; when the process dies, whoever leads next finds the debt in the store, when
  it begins or when it comes to claim the same tick. So no crash loses a tick.
- A crash between publishing and remembering sends a tick again. Its task id is made of what the
  store keeps of the claim, so both messages are the same task and write the same result.
- One entry has one claim in flight: what the store keeps is the last one, and must be enough.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from ..domain.errors import BackendUnavailable, BrokerUnavailable
from ..domain.messaging.message import TaskMessage
from ..domain.schedules import Entry, Tick
from ..ports.clock import Clock
from ..ports.schedule_store import LastRun, ScheduleStore

logger = logging.getLogger("celeriac.beat")

#: What "not now, perhaps later" looks like.
AWAY: Final = (BrokerUnavailable, BackendUnavailable)

#: Namespace of the ids of ticks; drawn once, for this alone.
_TICKS: Final = UUID("5c0d2a0e-9f0b-4a3e-8a53-7b6c2f1d9e44")

MakeMessage = Callable[[Entry, Mapping[str, Any]], TaskMessage]
Publish = Callable[[Sequence[TaskMessage]], None]
_Key = tuple[str, datetime]
_Made = tuple[Tick, TaskMessage]


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of ticks: published now, or to be given back and tried again."""

    done: tuple[Tick, ...] = ()
    back: tuple[Tick, ...] = ()


@dataclass(slots=True)
class _Claim:
    """A claim: when it was made, and whether it is known to hold."""

    at: datetime
    held: bool = False


class TickSender:
    """Sends ticks for one beat. Used by one thread."""

    def __init__(
        self,
        store: ScheduleStore,
        make: MakeMessage,
        publish: Publish,
        clock: Clock,
        key: Callable[[str], str],
        fingerprint: Callable[[Entry], str],
    ) -> None:
        """`key` is the name of an entry in the store; `fingerprint` tells its schedule apart."""
        self._store, self._make, self._publish = store, make, publish
        self._clock, self._name, self._fingerprint = clock, key, fingerprint
        self._claims: dict[_Key, _Claim] = {}
        self._unremembered: list[LastRun] = []

    def begin(self, owed: Iterable[tuple[Tick, datetime]]) -> None:
        """Start anew with what the store says is owed: ticks, and when they were claimed."""
        self._claims = {tick.key: _Claim(at, held=True) for tick, at in owed}

    def holds(self, tick: Tick) -> bool:
        """Tell whether the tick is claimed, and not known to be out."""
        claim = self._claims.get(tick.key)
        return claim is not None and claim.held

    def send(self, ticks: Sequence[Tick]) -> Sent:
        """Send ticks, those of all entries in one publication; never raises for a store away."""
        done: list[Tick] = []
        waves = _waves(ticks)
        for number, wave in enumerate(waves):
            try:
                done += self._send(wave)
            except AWAY as why:
                back = tuple(tick for later in waves[number:] for tick in later)
                logger.error("beat: cannot send %d due tasks, will try again: %s", len(back), why)
                return Sent(tuple(done), back)
        # Attempts at ticks that others came to stand for.
        self._claims.clear()
        return Sent(tuple(done))

    def drop(self, ticks: Iterable[Tick]) -> None:
        """Owe these ticks no more: they are not going to be sent."""
        for tick in ticks:
            if self.holds(tick):
                self._settle(tick)
            self._claims.pop(tick.key, None)

    def remember(self) -> None:
        """Write down what is out and not yet remembered as such. Raises BrokerUnavailable."""
        if self._unremembered:
            self._store.remember(self._unremembered)
            self._unremembered = []

    def _send(self, wave: Sequence[Tick]) -> list[Tick]:
        now = self._clock.now()
        made = [(tick, message) for tick in wave if (message := self._message(tick, now))]
        claimed = [found for tick, message in made if (found := self._claimed(tick, message, now))]
        if not claimed:
            return []
        for tick, _ in claimed:
            logger.info("Scheduler: Sending due task %s (%s)", tick.entry_name, tick.entry.task)
        done = self._published(claimed)
        for tick, _ in claimed:
            self._settle(tick)
        try:
            self.remember()
        except AWAY as why:
            logger.warning("beat: cannot yet remember what was sent: %s", why)
        return done

    def _message(self, tick: Tick, now: datetime) -> TaskMessage | None:
        """Make the message of a tick; None, and a line in the log, if that cannot be done."""
        claim = self._claims.setdefault(tick.key, _Claim(now))
        try:
            return self._make(tick.entry, self._marks(tick, claim.at))
        except Exception as why:
            # Whatever is wrong with one entry, the others are sent.
            _refused(tick, why)
            self.drop([tick])
            return None

    def _marks(self, tick: Tick, claimed_at: datetime) -> dict[str, Any]:
        name, due = tick.entry_name, tick.due.isoformat()
        unique = f"{self._name(name)}\n{due}\n{claimed_at.isoformat()}"
        return {
            "task_id": str(uuid5(_TICKS, unique)),
            "headers": {
                "celery_beat_task": True,
                "celeriac_beat_entry": name,
                "celeriac_beat_due": due,
            },
        }

    def _claimed(self, tick: Tick, message: TaskMessage, now: datetime) -> _Made | None:
        """Claim a tick; return it with its message, None if another beat has sent it."""
        claim = self._claims[tick.key]
        if claim.held:
            return tick, message
        name, schedule = self._name(tick.entry_name), self._fingerprint(tick.entry)
        if self._store.claim_tick(name, tick.due, claim.at, schedule):
            claim.held = True
            return tick, message
        owed_since = self._owed_since(name, tick.due)
        if owed_since is None:
            del self._claims[tick.key]
            logger.debug("beat: another beat has sent %s of %s", tick.entry_name, tick.due)
            return None
        claim.at, claim.held = owed_since, True
        again = self._message(tick, now)
        return None if again is None else (tick, again)

    def _owed_since(self, name: str, due: datetime) -> datetime | None:
        """Return when a tick was claimed of which nobody is known to have sent it.

        By an attempt of ours whose answer never came; or by a beat that led before this one, after
        this one had looked what was owed.
        """
        return next(
            (
                run.sent_at
                for run in self._store.last_runs()
                if (run.entry, run.due, run.published) == (name, due, False)
            ),
            None,
        )

    def _published(self, claimed: Sequence[_Made]) -> list[Tick]:
        try:
            self._publish([message for _, message in claimed])
        except AWAY:
            raise
        except Exception:
            # One of them leads nowhere, so none was taken: find out which.
            return [tick for tick, message in claimed if self._published_alone(tick, message)]
        return [tick for tick, _ in claimed]

    def _published_alone(self, tick: Tick, message: TaskMessage) -> bool:
        try:
            self._publish([message])
        except AWAY:
            raise
        except Exception as why:
            _refused(tick, why)
            return False
        return True

    def _settle(self, tick: Tick) -> None:
        claim = self._claims.pop(tick.key)
        name, schedule = self._name(tick.entry_name), self._fingerprint(tick.entry)
        total = tick.entry.total_run_count + 1
        self._unremembered.append(LastRun(name, tick.due, claim.at, total, schedule, True))


def _waves(ticks: Sequence[Tick]) -> list[list[Tick]]:
    """Ticks in rounds, each entry at most once in a round, and in the order of its ticks."""
    waves: list[list[Tick]] = []
    counted: dict[str, int] = {}
    for tick in ticks:
        number = counted.get(tick.entry_name, 0)
        counted[tick.entry_name] = number + 1
        if number == len(waves):
            waves.append([])
        waves[number].append(tick)
    return waves


def _refused(tick: Tick, why: Exception) -> None:
    text = "beat: the due task %s (%s) of %s cannot be sent and is left out: %s"
    logger.error(text, tick.entry_name, tick.entry.task, tick.due, why, exc_info=why)
