"""What the process beside a worker is told, and what it does in the worker's stead."""

from celeriac.adapters.memory import MemoryCoordinator, MemoryStore, VirtualClock
from celeriac.application.admission import Admission
from celeriac.application.stand_in import StandIn, renew
from celeriac.domain.work.admission import Ask
from celeriac.ports.lease import LeaseGuard, PortableLease

LEASE = 10.0
DB = ("task:db", 1)


class Heard(LeaseGuard):
    """Remembers what it was told."""

    def __init__(self):
        self.told = []

    def sign(self, papers):
        self.told.append(papers)

    def expect(self, deadline):
        self.told.append(deadline)

    def close(self):
        self.told.append("closed")


class Portable(PortableLease):
    """Remembers whose lease was renewed."""

    def __init__(self):
        self.renewed = []

    def papers(self):
        return "1 2"

    def renew_as(self, papers):
        self.renewed.append(papers)
        return True


def test_slots_are_told_before_their_tasks_begin_and_held_in_the_workers_stead():
    clock = VirtualClock()
    coordinator = MemoryCoordinator(MemoryStore(clock))
    heard, broker = Heard(), Portable()
    admission = Admission(lambda: coordinator, LEASE)
    stand_in = StandIn(heard, admission)

    stand_in.sign("1 2")
    admission.ask([Ask("t1", slots=(DB,))])
    clock.advance(LEASE - 1)
    renew(heard.told[-1], broker, lambda: coordinator, LEASE)
    clock.advance(LEASE - 1)

    (refused,) = coordinator.admit([Ask("t2", slots=(DB,))], LEASE)
    assert refused != 0.0
    assert broker.renewed == ["1 2"]


def test_who_owns_nothing_has_nothing_renewed():
    heard = Heard()

    StandIn(heard, Admission(MemoryCoordinator, LEASE)).sign(None)

    assert heard.told == [None]


def test_without_slots_nobody_is_asked_for_a_coordinator():
    heard, broker = Heard(), Portable()
    StandIn(heard, Admission(MemoryCoordinator, LEASE)).sign("1 2")

    renew(heard.told[-1], broker, lambda: 1 / 0, LEASE)

    assert broker.renewed == ["1 2"]


def test_deadlines_and_the_end_are_passed_on():
    heard = Heard()
    stand_in = StandIn(heard, Admission(MemoryCoordinator, LEASE))

    stand_in.expect(5.0)
    stand_in.close()

    assert heard.told == [5.0, "closed"]
