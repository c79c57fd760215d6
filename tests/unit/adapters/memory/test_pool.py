"""What a simulator can do to the simulated pool."""

from collections.abc import Callable

from celeriac.adapters.memory.clock import VirtualClock
from celeriac.adapters.memory.pool import FIRST_PID, SimulatedPool
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.work.job import Job, Lost, PoolEvent, Progress, Report, Reported, TimedOut


class Runner:
    """Notes what it ran."""

    def __init__(self) -> None:
        self.ran: list[int] = []

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def run(self, job: Job, progress: Callable[[Progress], None]) -> Report:
        self.ran.append(job.number)
        return Report(job.number, "SUCCESS")


class World:
    """A pool of one slot, its clock, its runner and its events."""

    def __init__(self, batch: int = 1, slots: int = 1) -> None:
        self.clock = VirtualClock()
        self.runner = Runner()
        self.events: list[PoolEvent] = []
        self.pool = SimulatedPool(self.clock, slots, batch=batch)
        self.pool.start(self.runner, self.events.append)

    def submit(self, *estimates: float, hard_limit: float | None = None) -> None:
        self.pool.submit(
            [
                Job(n, TaskMessage(str(n), "task", b""), hard_limit=hard_limit, estimate=estimate)
                for n, estimate in enumerate(estimates, start=1)
            ]
        )


def reported(number: int) -> Reported:
    return Reported((Report(number, "SUCCESS"),))


def test_nothing_runs_unless_stepped():
    world = World()

    world.submit(1.0)

    assert (world.runner.ran, world.events) == ([], [])


def test_a_job_takes_virtual_time():
    world = World()
    world.submit(2.5)

    world.pool.step()
    too_early = world.pool.step()
    due = world.pool.next_due()
    world.clock.advance(2.5)
    world.pool.step()

    assert (too_early, due) == (False, 2.5)
    assert world.events == [reported(1)]


def test_with_nothing_to_do_nothing_is_due():
    assert World().pool.next_due() is None


def test_jobs_on_two_slots_end_in_the_order_of_their_times():
    world = World(slots=2)
    world.submit(3.0, 1.0)

    while (due := world.pool.next_due()) is not None:
        world.clock.advance(due - world.clock.monotonic())
        world.pool.step()

    assert world.events == [reported(2), reported(1)]


def test_a_slot_killed_between_jobs_loses_what_had_not_begun():
    world = World(batch=2)
    world.submit(1.0, 1.0)

    world.pool.kill(0)

    cause = f"process {FIRST_PID} was killed by signal 9 (SIGKILL)"
    assert world.events == [Lost([], [1, 2], cause)]
    assert world.runner.ran == []


def test_a_slot_killed_within_a_job_keeps_its_effects_and_loses_its_report():
    world = World(batch=2)
    world.submit(1.0, 1.0)
    world.pool.step()

    world.pool.kill(0, "the machine lost power")
    stepped = world.pool.step()

    assert world.events == [Lost([1], [2], "the machine lost power")]
    assert (world.runner.ran, stepped) == ([1], False)
    assert world.pool.pids == (FIRST_PID + 1,)


def test_a_job_past_its_hard_limit_ends_there():
    world = World(batch=2)
    world.submit(10.0, 10.0, hard_limit=4.0)
    world.pool.step()

    due = world.pool.next_due()
    world.clock.advance(4.0)
    world.pool.step()

    assert due == 4.0
    assert world.events == [TimedOut(1, 4.0, [2])]
