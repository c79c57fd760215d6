"""Look at a worker from outside of its hub, without asking it: it may be what is broken."""

from ..domain.work.health import Signs
from ..ports.clock import Clock
from .work import Worker


def signs_of(worker: Worker, clock: Clock) -> Signs:
    """Return the signs of life of a worker. Safe in any thread: it only reads numbers."""
    now = clock.monotonic()
    intake, keeper, core = worker.intake, worker.keeper, worker.core
    return Signs(
        hub_age=None if worker.turned_at is None else now - worker.turned_at,
        poll_age=now - intake.polled_at,
        poll_waits=now - intake.wanted_at if intake.asked else 0.0,
        broker_away=intake.away or keeper.away,
        lease=worker.settings.lease,
        lease_age=now - keeper.renewed_at,
        lease_lost=worker.homeless,
        stopping=worker.stopping,
        slots=core.slots,
        running=core.running,
        held=core.held,
        unsettled=worker.unsettled,
    )
