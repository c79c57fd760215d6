"""One child as the hub sees it: what was sent to it and is not answered, and what is on its way.

Nothing here blocks: what the socket does not take is kept and sent when it does. The caller holds
the pool's lock.
"""

import os
import socket
from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from ....domain.messaging.message import TaskMessage
from ....domain.work.job import Job
from ..pace import BATCH_SECONDS, weight
from . import wire
from .journal import Journal, shared_memory
from .nursery import Nursery, hub_ends

# A child holds at most one batch that runs and one that waits.
WINDOW: Final = 2 * BATCH_SECONDS
# A job that was taken for a short one and runs for so long, in seconds, gives back what it keeps
# waiting. It is also the pause between looks at a child that has jobs waiting.
LONG: Final = 0.05
_READ_SIZE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class OverLimit:
    """A child was killed since a job ran past its hard limit."""

    number: int
    limit: float


@dataclass(frozen=True, slots=True)
class OnRequest:
    """A child was killed since a job was to be cancelled."""

    number: int


@dataclass(frozen=True, slots=True)
class AtStop:
    """A child was killed since the pool was stopped."""


Doom = OverLimit | OnRequest | AtStop


class Spoke:
    """A child process, from its conception to its burial."""

    def __init__(self, child_id: int) -> None:
        self.id = child_id
        self.pid: int | None = None
        self.nursery: Nursery | None = None
        self.sock, self.childs_end = socket.socketpair()
        self.sock.setblocking(False)
        hub_ends.add(self.sock)
        self.journal_fd = shared_memory()
        self.journal = Journal(self.journal_fd)
        self.journal.clear()
        self.inflight: dict[int, Job] = {}
        self.load = 0.0
        self.sent = 0
        self.ready = False
        self.leaving = False
        self.doom: Doom | None = None
        self.check_at = inf
        self.stuck: int | None = None
        self.interrupted: int | None = None
        self._frames = wire.Frames()
        self._outbox: deque[memoryview] = deque()

    def hand_over(self) -> None:
        """Close what only the child needs, once it has been passed on."""
        self.childs_end.close()
        os.close(self.journal_fd)

    def close(self) -> None:
        """Release the socket and the journal."""
        self.sock.close()
        self.journal.close()

    # -- jobs ----------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether it may be given anything."""
        return self.ready and not self.leaving and self.doom is None and self.stuck is None

    def hungry(self, now: float) -> bool:
        """Whether it should be given more: it has nothing, or is at its second batch."""
        return self.open and self.load <= BATCH_SECONDS and not self.overdue(now)

    def overdue(self, now: float) -> bool:
        """Whether its job has turned out to be a long one, so that none should wait behind it."""
        running = self.journal.running() if self.inflight else None
        return running is not None and now - running[1] >= LONG

    def take(self, backlog: deque[Job], most: int, now: float) -> list[Job]:
        """Move jobs from the backlog to this child, as many as it may hold; it still is to be told.

        One job may always be put on an empty child; behind others only what is known as short.
        """
        inflight, load = self.inflight, self.load
        taken: list[Job] = []
        soonest = inf
        while backlog and len(taken) < most:
            job = backlog[0]
            heavy = weight(job)
            if inflight and load + heavy > WINDOW:
                break
            del backlog[0]
            inflight[job.number] = job
            load += heavy
            taken.append(job)
            if job.soft_limit or job.hard_limit:
                soonest = min(soonest, job.soft_limit or inf, job.hard_limit or inf)
        self.load = load
        self.sent += len(taken)
        if len(inflight) > 1 or any(job.relays for job in taken):
            soonest = min(soonest, LONG)
        self.check_at = min(self.check_at, now + soonest)
        return taken

    def settle(self, number: int) -> Job | None:
        """Take a job out, since it is answered or given back."""
        job = self.inflight.pop(number, None)
        if job is None:
            return None
        self.load = self.load - weight(job) if self.inflight else 0.0
        if number == self.stuck:
            self.stuck = None
        return job

    def relay(self, number: int, link: TaskMessage) -> bool:
        """Take note that a link has begun where this job ended; False if nobody knows this job."""
        job = self.inflight.get(number)
        if job is None:
            return False
        following = job._replace(number=number + 1, message=link, relays=job.relays - 1)
        # In its place: jobs begin in this order.
        self.inflight = {
            (one.number if one is not job else number + 1): (one if one is not job else following)
            for one in self.inflight.values()
        }
        return True

    def split(self) -> tuple[list[int], list[int]]:
        """Return what had begun and what had not, when the child died. Jobs begin in order.

        Where links had followed of which it has not told, the one before them counts as begun.
        """
        jobs, begun = list(self.inflight.values()), self.journal.begun
        at = 0
        for place, job in enumerate(jobs, 1):
            if job.number <= begun <= job.number + job.relays:
                at = place
        numbers = [job.number for job in jobs]
        return numbers[:at], numbers[at:]

    # -- the socket ----------------------------------------------------------------------------

    @property
    def blocked(self) -> bool:
        """Whether something waits for the socket to take it."""
        return bool(self._outbox)

    def send(self, data: bytes) -> None:
        """Send, or keep what cannot be sent now."""
        if not self._outbox:
            try:
                sent = self.sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                return  # it is dead, and its burial answers for what it held
            if sent == len(data):
                return
            self._outbox.append(memoryview(data)[sent:])
        else:
            self._outbox.append(memoryview(data))

    def flush(self) -> None:
        """Send what was kept, as far as the socket takes it."""
        outbox = self._outbox
        while outbox:
            try:
                sent = self.sock.send(outbox[0])
            except BlockingIOError:
                return
            except OSError:
                outbox.clear()
                return
            if sent < len(outbox[0]):
                outbox[0] = outbox[0][sent:]
            else:
                outbox.popleft()

    def receive(self) -> list[tuple[int, Any]] | None:
        """Return frames that have come, or None at the end of the stream."""
        try:
            data = self.sock.recv(_READ_SIZE)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return self._frames.feed(data) if data else None

    def drain(self) -> list[tuple[int, Any]]:
        """Return all frames that a dead child has left."""
        found: list[tuple[int, Any]] = []
        while True:
            try:
                data = self.sock.recv(_READ_SIZE)
            except OSError:
                return found
            if not data:
                return found
            found += self._frames.feed(data)
