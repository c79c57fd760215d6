"""How many jobs make a batch: as many as are known to be done within a few milliseconds."""

from collections.abc import Iterable
from typing import Final

from ...domain.work.job import Job

# What may be handed over as one batch, in seconds of estimated work: long enough that a batch
# costs little per job, short enough that waiting behind one is not felt.
BATCH_SECONDS: Final = 0.005
# However short jobs are: about what fits the buffers of a Unix socket.
BATCH_JOBS: Final = 256
_SHORTEST: Final = BATCH_SECONDS / BATCH_JOBS


def weight(job: Job) -> float:
    """Seconds of work to count for a job; more than a batch holds when that is unknown."""
    if job.estimate is None or job.estimate > BATCH_SECONDS:
        return BATCH_SECONDS * 2
    return max(job.estimate, _SHORTEST)


class Pace:
    """What the jobs submitted lately weigh, to guess how many more there is room for."""

    def __init__(self) -> None:
        self._latest = BATCH_SECONDS * 2

    def note(self, jobs: Iterable[Job]) -> None:
        """Remember the heaviest of a batch: a guess that is too small only costs a round trip."""
        self._latest = max(map(weight, jobs), default=self._latest)

    def jobs_per_slot(self) -> int:
        """How many such jobs a slot may hold: two batches, or one job not known as short."""
        if self._latest > BATCH_SECONDS:
            return 1
        return 2 * max(1, int(BATCH_SECONDS / self._latest))
