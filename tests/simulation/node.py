"""One worker of a simulated cluster: the real shell and core, one step at a time."""

from collections.abc import Callable
from typing import Any

from celeriac.adapters.memory import MemoryResults, MemorySettler, VirtualClock
from celeriac.adapters.memory.entropy import SeededEntropy
from celeriac.adapters.memory.pool import SimulatedPool
from celeriac.adapters.memory.store import MemoryStore
from celeriac.application.run_task import RunSettings, TaskRunner
from celeriac.application.send import Sending
from celeriac.application.settle import SeparateSettler
from celeriac.application.work import Worker, WorkSettings
from celeriac.domain.messaging.compose import Sender
from celeriac.domain.messaging.routing import Router
from celeriac.domain.work.core import WorkerCore, WorkerPolicy
from celeriac.domain.work.job import Job, Report
from tests.unit.domain.samples import CODEC

from .faults import Faults, FaultyBroker, FaultyResults, FaultySettler
from .ledger import Ledger
from .workload import DEADLY, DURATIONS, MAX_CRASHES, OPTIONS, TASKS

QUEUE = "celery"
LEASE = 15.0
GRACE = 20.0
RELAYS = 20


def sending(broker: FaultyBroker, clock: VirtualClock, entropy: SeededEntropy) -> Sending:
    return Sending(lambda: broker, Sender(Router(), CODEC, "gen@sim"), clock, entropy, deadline=5.0)


class WatchedRunner(TaskRunner):
    """Tells the ledger of each run, and how long it took in virtual time."""

    watch: Callable[[Job], None]

    def run(self, job: Job, progress: Any) -> Report:
        self.watch(job)
        report = super().run(job, progress)
        return report._replace(runtime=DURATIONS.get(job.message.task, 0.0))


class Node(Worker):
    """A worker whose threads are steps: `turn`, `take_in` and `keep`."""

    def __init__(
        self,
        name: str,
        store: MemoryStore,
        results_store: MemoryStore,
        clock: VirtualClock,
        entropy: SeededEntropy,
        ledger: Ledger,
        faults: Faults,
        slots: int,
        batch: int,
    ) -> None:
        self.name, self.paused_until, self.keep_due = name, 0.0, 0.0
        is_one = store is results_store
        self.faulty_broker = FaultyBroker(store, name, ledger, faults, brittle=not is_one)
        results = MemoryResults(store) if is_one else FaultyResults(results_store, name, faults)
        settler = (
            MemorySettler(self.faulty_broker, results)
            if is_one
            else SeparateSettler(
                self.faulty_broker,
                results,
                deadline=5.0,
                join=lambda number, message, parts: runner.join(number, message, parts),
            )
        )
        relays = RELAYS if settler.relays else 0
        self.faulty_settler = FaultySettler(settler, name, ledger, faults)
        self.simulated_pool = SimulatedPool(
            clock,
            slots,
            batch=batch,
            duration=lambda job: DURATIONS.get(job.message.task, 0.0),
        )
        self.doomed: int | None = None
        self._ledger, self._time = ledger, clock
        sends = sending(self.faulty_broker, clock, entropy)
        runner = WatchedRunner(TASKS.get, CODEC, lambda: sends, clock, RunSettings(name))
        runner.watch = self._begins
        super().__init__(
            WorkSettings(name, (QUEUE,), LEASE, GRACE),
            WorkerCore(WorkerPolicy(slots, max_crashes=MAX_CRASHES, relays=relays), OPTIONS.get),
            self.faulty_broker,
            self.faulty_settler,
            results,
            self.simulated_pool,
            runner,
            clock,
        )

    def step_pool(self) -> bool:
        """Let one job begin or end; a deadly one ends its process as it begins."""
        moved = self.simulated_pool.step()
        if self.doomed is not None:
            number, self.doomed = self.doomed, None
            self.simulated_pool.kill(self.simulated_pool.running().index(number))
        return moved

    def take_in(self) -> None:
        """Do what the intake thread does with one demand."""
        self.intake.step(0.0)

    def keep(self) -> None:
        """Do one round of the keeper's thread, and one of the rescuer's."""
        self.keeper.step()
        self.keep_due = self._time.monotonic() + self.rescuer.step()

    def _begins(self, job: Job) -> None:
        self._ledger.ran(self.name, job.message)
        if job.message.task in DEADLY:
            self.doomed = job.number
