"""Know which other workers there are by their heartbeats, and hold elections with them.

What must stay true: it hears workers and nothing of tasks, by the ear that remote control has
anyway; only the thread of remote control is in here.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from ..domain.cluster import events
from ..domain.cluster.election import PATIENCE, Elections, candidate_in, standing
from ..domain.cluster.events import Fields, Source, events_in
from ..domain.cluster.logical_clock import LogicalClock
from ..domain.cluster.picture import State
from ..domain.cluster.seen_workers import Worker
from ..domain.cluster.speech import BusMessage, Topic
from ..ports.bus import Bus
from ..ports.clock import Clock

logger = logging.getLogger("celeriac.worker")

#: Seconds between looks for neighbours whose heartbeats stay away, as in Celery.
INTERVAL: Final = 5.0

Listener = Callable[[Worker], object]


class NodeListeners:
    """Users' functions that are called with a worker that came, went, or was lost."""

    def __init__(self) -> None:
        """Call nobody yet."""
        self.node_join: set[Listener] = set()
        self.node_leave: set[Listener] = set()
        self.node_lost: set[Listener] = set()


class Gossip:
    """What one worker hears of the others. `channel` is the setting `event_exchange`.

    `on` and `election_handlers` (functions of an action, by topic) may be added to.
    """

    enabled: Final = True

    def __init__(
        self,
        bus: Bus,
        channel: str,
        source: Source,
        logical: LogicalClock,
        clock: Clock,
        call_task: Callable[[Any], object],
    ) -> None:
        """Hear nothing yet; `call_task` sends a signature, for the topic `task`."""
        self._bus, self._channel, self._source = bus, channel, source
        self._logical, self._clock = logical, clock
        self._elections = Elections()
        self._looked_at = clock.monotonic()
        self.hostname = source.hostname
        self.full_hostname = f"{source.hostname}.{source.pid}"
        self.on = NodeListeners()
        self.election_handlers: dict[str, Callable[[Any], object]] = {"task": call_task}
        self.state = State(
            lambda: clock.now().timestamp(),
            max_tasks_in_memory=1,
            on_node_join=self._joined,
            on_node_leave=self._left,
        )

    @property
    def topic(self) -> Topic:
        """What is to be listened to."""
        return Topic(self._channel, "worker.#")

    # -- hearing

    def hear(self, said: BusMessage) -> None:
        """Take in what a worker says."""
        for event in events_in(said.body):
            match event["type"]:
                case "worker-elect":
                    self._heard_of(event)
                case "worker-elect-ack":
                    self._acknowledged(event)
                case kind if kind.startswith("worker-") and event.get("hostname") != self.hostname:
                    self._heard_from(event)

    def _heard_from(self, event: dict[str, Any]) -> None:
        if not isinstance(event.get("freq", 0.0), int | float):
            return  # who says not how often it speaks cannot be missed
        self._logical.adjust(event.get("clock"))
        event["local_received"] = self._clock.now().timestamp()
        self.state.event(event)

    def look(self) -> None:
        """Forget neighbours that were lost, and elections that nobody could decide."""
        tick = self._clock.monotonic()
        if tick - self._looked_at < INTERVAL:
            return
        self._looked_at = tick
        for worker in [one for one in self.state.workers.values() if not one.alive]:
            logger.info("missed heartbeat from %s", worker.hostname)
            self.state.workers.pop(str(worker.hostname), None)
            _call(self.on.node_lost, worker)
        for id_, ballot in self._elections.give_up(tick).items():
            if ballot.is_ours:
                logger.warning(
                    "election %s was not decided within %g s: %d acknowledgements came, and %d "
                    "other workers are known; those started with --without-gossip send none",
                    *(id_, PATIENCE, ballot.acknowledged, self._others()),
                )

    # -- elections

    def election(self, id_: str, topic: str, action: Any = None) -> None:
        """Stand for an election. Raises BrokerUnavailable."""
        self._elections.begin(id_, self._clock.monotonic())
        self._say("worker-elect", standing(id_, topic, action))

    def _heard_of(self, event: dict[str, Any]) -> None:
        found = candidate_in(event)
        if found is None:
            logger.warning("election: passed over what names no candidate: %.200r", event)
            return
        id_, candidate = found
        self._elections.stand(id_, candidate, self._clock.monotonic())
        self._say("worker-elect-ack", {"id": id_})

    def _acknowledged(self, event: dict[str, Any]) -> None:
        id_ = str(event.get("id"))
        winner = self._elections.acknowledge(id_, self._others())
        if winner is None:
            return
        if winner.name != self.full_hostname:
            logger.info("node %s elected for %r", winner.name, id_)
            return
        logger.info("I won the election %r", id_)
        handler = self.election_handlers.get(winner.topic)
        if handler is None:
            known = ", ".join(sorted(self.election_handlers))
            logger.error("unknown election topic %r: known here are %s", winner.topic, known)
            return
        try:
            handler(winner.action)
        except Exception:
            logger.exception("election %s: its %s could not be carried out", id_, winner.topic)

    def _others(self) -> int:
        return sum(1 for _ in self.state.alive_workers())

    def _say(self, kind: str, fields: Fields) -> None:
        now = self._clock.now().timestamp()
        said = events.event(kind, self._source, now, self._logical.forward(), fields)
        self._bus.broadcast([events.single(self._channel, said)])

    # -- neighbours

    def _joined(self, worker: Worker) -> None:
        logger.debug("%s joined the party", worker.hostname)
        _call(self.on.node_join, worker)

    def _left(self, worker: Worker) -> None:
        logger.debug("%s left", worker.hostname)
        _call(self.on.node_leave, worker)


def _call(listeners: Iterable[Listener], worker: Worker) -> None:
    for listener in tuple(listeners):
        try:
            listener(worker)
        except Exception:
            logger.exception("%r failed with %r", listener, worker)
