"""What the pool suite needs: jobs whose bodies say what to do, and one rig for all pools.

A job is told by its body to return, to hold until a gate is opened, to end its process and so on.
What runners did is read from a log file that processes append to, so that a test can wait for it.
"""

import asyncio
import contextlib
import faulthandler
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from celeriac.adapters.memory.clock import VirtualClock
from celeriac.adapters.memory.pool import SimulatedPool
from celeriac.adapters.pools.asyncio_pool import AsyncioPool
from celeriac.adapters.pools.eventlet_pool import EventletPool
from celeriac.adapters.pools.gevent_pool import GeventPool
from celeriac.adapters.pools.prefork import PreforkPool
from celeriac.adapters.pools.solo import SoloPool
from celeriac.adapters.pools.threads import ThreadsPool
from celeriac.application.interruptible import Interruptible
from celeriac.domain.errors import SoftTimeLimitExceeded
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.job import (
    Began,
    Broken,
    Cancelled,
    Job,
    Lost,
    PoolEvent,
    Progress,
    Progressed,
    Report,
    Reported,
    Resized,
    TimedOut,
    Warned,
)
from celeriac.ports.pool import Cancel, Pool, PoolCapabilities, Stop

PATIENCE = 20.0  # seconds a test waits for what must come, before it says what did not
SLICE = 0.002


class ScriptedRunner:
    """Does what a job's body says, and logs each step to a file shared by all processes."""

    def __init__(self, folder: Path, holds: bool = True, on_loop: bool = True) -> None:
        self.folder = folder
        self.holds = holds
        self._on_loop = on_loop

    def start(self) -> None:
        if (self.folder / "broken").exists():
            raise RuntimeError("the runner cannot start")
        self._log("start")

    def stop(self) -> None:
        self._log("stop")

    def run(self, job: Job, progress: Callable[[Progress], None]) -> Report:
        self._log("begin", job.number)
        try:
            summary = self._do(json.loads(job.message.body), job, progress)
            state = "SUCCESS"
        except SoftTimeLimitExceeded:
            state, summary = "FAILURE", "soft limit"
        self._log("end", job.number)
        return Report(job.number, state, summary=summary)

    def relayed(self, job: Job, report: Report) -> tuple[Report, Job] | None:
        """Go on with what the job's body says comes `then`."""
        then = json.loads(job.message.body).get("then")
        if not then or not job.relays:
            return None
        body = json.dumps({**then[0], "then": then[1:]}).encode()
        link = TaskMessage(f"{job.message.id}+", "task", body)
        following = Job(job.number + 1, link, estimate=job.estimate, relays=job.relays - 1)
        return report._replace(relay=link), following

    def on_loop(self, job: Job) -> bool:
        return self._on_loop

    def run_async(self, job: Job, progress: Callable[[Progress], None]) -> Interruptible[Report]:
        return Interruptible(self._run_async(job, progress))

    async def _run_async(self, job: Job, progress: Callable[[Progress], None]) -> Report:
        match json.loads(job.message.body):
            case {"hold": gate}:
                return await self._hold(job, gate)
        return self.run(job, progress)

    async def _hold(self, job: Job, gate: str) -> Report:
        self._log("begin", job.number)
        try:
            while not (self.folder / gate).exists():
                await asyncio.sleep(SLICE)
            state = "SUCCESS"
        except SoftTimeLimitExceeded:
            state = "FAILURE"
        self._log("end", job.number)
        return Report(job.number, state)

    def _do(self, order: dict[str, Any], job: Job, progress: Callable[[Progress], None]) -> str:
        match order:
            case {"hold": gate}:
                while self.holds and not (self.folder / gate).exists():
                    time.sleep(SLICE)
            case {"exit": code}:
                os._exit(code)
            case {"kill": number}:
                faulthandler.disable()
                os.kill(os.getpid(), number)
            case {"say": text}:
                progress(Progress(job.number, ResultRecord(job.message.id, text)))
            case {"fail": text}:
                raise LookupError(text)
            case {"defy": gate}:
                while not (self.folder / gate).exists():
                    with contextlib.suppress(BaseException):
                        time.sleep(SLICE)
            case {"big": size}:
                return "x" * size
            case {"measure": _}:
                return str(len(job.message.body))
            case {"signals": names}:
                return " ".join(repr(signal.getsignal(signal.Signals[name])) for name in names)
            case {"stdin": _}:
                return repr(os.read(0, 10))
        return "done"

    def _log(self, what: str, number: int = 0) -> None:
        line = f"{what} {number} {os.getpid()} {threading.get_ident()} {time.monotonic()!r}\n"
        log = os.open(self.folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, line.encode())
        os.close(log)


@dataclass(frozen=True)
class LogLine:
    what: str
    number: int
    pid: int
    thread: int
    at: float


@dataclass(frozen=True)
class Kind:
    """One sort of pool, and what it can do."""

    name: str
    capabilities: PoolCapabilities
    sizes: tuple[int, ...] = (2,)


KINDS = (
    Kind("solo", PoolCapabilities(soft_limit=True, hard_limit=True), sizes=(1,)),
    Kind("solo-thread", PoolCapabilities(soft_limit=True, hard_limit=True), sizes=(1,)),
    Kind("threads", PoolCapabilities(soft_limit=True, hard_limit=True, resize=True)),
    Kind(
        "prefork",
        PoolCapabilities(kill=True, soft_limit=True, hard_limit=True, resize=True, isolated=True),
    ),
    Kind(
        "spawn",
        PoolCapabilities(kill=True, soft_limit=True, hard_limit=True, resize=True, isolated=True),
    ),
    *(
        Kind(
            name,
            PoolCapabilities(kill=True, soft_limit=True, hard_limit=True, resize=True, shared=True),
        )
        for name in ("asyncio", "asyncio-threads", "gevent", "eventlet")
    ),
    Kind("simulated", PoolCapabilities(kill=True, hard_limit=True, resize=True, isolated=True)),
)


def kinds(**wanted: bool) -> list[Kind]:
    """The sorts of pools whose capabilities are these."""
    return [
        kind
        for kind in KINDS
        if all(getattr(kind.capabilities, name) == value for name, value in wanted.items())
    ]


class Rig:
    """A pool under test: hands it jobs, collects its events, waits for what must happen."""

    def __init__(self, kind: Kind, folder: Path, **options: Any) -> None:
        self.kind = kind
        self.folder = folder
        self.clock = VirtualClock()
        self.events: list[PoolEvent] = []
        self._news = threading.Condition()
        self._numbers = 0
        self._helpers: list[threading.Thread] = []
        self.slots = options.pop("slots", kind.sizes[0])
        self.pool = self._make(options)

    @property
    def simulated(self) -> bool:
        return isinstance(self.pool, SimulatedPool)

    def _make(self, options: dict[str, Any]) -> Pool:
        match self.kind.name:
            case "solo":
                return SoloPool(**options)
            case "solo-thread":
                return SoloPool(main_thread=False, **options)
            case "threads":
                return ThreadsPool(self.slots, **options)
            case "prefork":
                return PreforkPool(self.slots, **options)
            case "asyncio" | "asyncio-threads":
                return AsyncioPool(self.slots, **options)
            case "gevent":
                return GeventPool(self.slots, **options)
            case "eventlet":
                return EventletPool(self.slots, **options)
            case "spawn":
                return PreforkPool(self.slots, start_method="spawn", **options)
            case "simulated":
                return SimulatedPool(
                    self.clock, self.slots, batch=2, duration=self._duration, **options
                )
        raise AssertionError(self.kind)

    def _duration(self, job: Job) -> float:
        match json.loads(job.message.body):
            case {"hold": gate} if not (self.folder / gate).exists():
                return inf
        return 0.0

    def start(self) -> "Rig":
        on_loop = self.kind.name != "asyncio-threads"
        runner = ScriptedRunner(self.folder, holds=not self.simulated, on_loop=on_loop)
        self.pool.start(runner, self._receive)
        if self.pool.wants_main_thread:
            thread = threading.Thread(target=self.pool.run_main, daemon=True)
            thread.start()
            self._helpers.append(thread)
        return self

    def close(self) -> None:
        for gate in ("gate", "other"):
            self.open(gate)
        self.pool.stop(Stop.COLD, 5.0)
        for thread in self._helpers:
            thread.join(PATIENCE)

    def _receive(self, event: PoolEvent) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    # -- jobs ----------------------------------------------------------------------------------

    def job(self, order: dict[str, Any] | None = None, **options: Any) -> Job:
        self._numbers += 1
        body = json.dumps(order or {}).encode()
        return Job(self._numbers, TaskMessage(f"id-{self._numbers}", "task", body), **options)

    def submit(self, order: dict[str, Any] | None = None, **options: Any) -> int:
        job = self.job(order, **options)
        self.pool.submit([job])
        return job.number

    def open(self, gate: str) -> None:
        (self.folder / gate).touch()

    # -- what happened -------------------------------------------------------------------------

    def answers(self) -> list[tuple[int, str]]:
        """Every answer to a job, in the order of arrival."""
        found: list[tuple[int, str]] = []
        for event in list(self.events):
            match event:
                case Reported(reports):
                    found += [(report.number, report.state) for report in reports]
                case Lost(started, unstarted):
                    found += [(number, "lost started") for number in started]
                    found += [(number, "lost unstarted") for number in unstarted]
                case TimedOut(number, _, unstarted):
                    found.append((number, "timed out"))
                    found += [(other, "lost unstarted") for other in unstarted]
                case Cancelled(numbers, started):
                    found += [
                        (number, "cancelled started" if number in started else "cancelled")
                        for number in numbers
                    ]
                case Progressed() | Began() | Warned() | Resized() | Broken():
                    pass
        return found

    def of(self, kind: type) -> list[Any]:
        return [event for event in list(self.events) if isinstance(event, kind)]

    def log(self, what: str | None = None) -> list[LogLine]:
        try:
            text = (self.folder / "log").read_text()
        except FileNotFoundError:
            return []
        words = [line.split() for line in text.splitlines()]
        lines = [LogLine(w[0], int(w[1]), int(w[2]), int(w[3]), float(w[4])) for w in words]
        return [line for line in lines if what in (None, line.what)]

    # -- waiting -------------------------------------------------------------------------------

    def wait(self, met: Callable[[], bool], what: str) -> None:
        """Let the pool go on until something is true; say what was not after a while."""
        end = time.monotonic() + PATIENCE
        while not met():
            if isinstance(self.pool, SimulatedPool):
                self._step(self.pool, what)
                continue
            assert time.monotonic() < end, f"{what} did not happen; events: {self.events}"
            with self._news:
                if not met():
                    self._news.wait(0.01)

    def _step(self, pool: SimulatedPool, what: str) -> None:
        if pool.step():
            return
        due = pool.next_due()
        assert due is not None, f"{what} did not happen; events: {self.events}"
        self.clock.advance(due - self.clock.monotonic())

    def wait_for_answers(self, count: int) -> list[tuple[int, str]]:
        """Wait for so many answers and return them, sorted by job; more than that is a fault."""
        self.wait(lambda: len(self.answers()) >= count, f"{count} answers")
        return sorted(self.answers())

    def wait_for_begin(self, *numbers: int) -> None:
        wanted = set(numbers)
        self.wait(
            lambda: wanted <= {line.number for line in self.log("begin")}, f"beginning of {wanted}"
        )

    def pid_of(self, number: int) -> int:
        return next(line.pid for line in self.log("begin") if line.number == number)

    def kill_slot_of(self, number: int) -> None:
        """Kill the process that runs a job, from outside."""
        if isinstance(self.pool, SimulatedPool):
            self.pool.kill(list(self.pool.running()).index(number))
        else:
            os.kill(self.pid_of(number), signal.SIGKILL)


__all__ = ["KINDS", "Cancel", "Kind", "Rig", "ScriptedRunner", "Stop", "kinds"]
