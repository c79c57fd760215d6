"""Children that are none: spokes whose jobs and journals a test writes itself."""

from collections import deque
from collections.abc import Callable, Iterator

import pytest

from celeriac.adapters.pools.prefork.spoke import Spoke
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.work.job import Job

SHORT = 0.0001


def job(number: int, **options: float) -> Job:
    return Job(number, TaskMessage(str(number), "task", b""), **{"estimate": SHORT, **options})


@pytest.fixture
def spoke_with() -> Iterator[Callable[..., Spoke]]:
    """Makes a ready spoke that holds these jobs since time 0."""
    made: list[Spoke] = []

    def make(*jobs: Job) -> Spoke:
        spoke = Spoke(1)
        spoke.ready = True
        made.append(spoke)
        spoke.take(deque(jobs), len(jobs), now=0.0)
        return spoke

    yield make
    for spoke in made:
        spoke.hand_over()
        spoke.close()


@pytest.fixture
def begin() -> Callable[[Spoke, int, float], None]:
    """Writes the beginning of a job as the child would."""
    return lambda spoke, number, now: spoke.journal.writer()[0](number, now)
