"""Take tasks that still wait out of their queues: they are revoked without a worker's doing.

Whoever waits for them is told as a worker would tell: the rest of a chain will not come, and a
chord is short of a part.
"""

from collections.abc import Sequence
from typing import Final

from ..domain.errors import TaskRevokedError
from ..domain.tasks import states
from ..domain.work.job import Report
from ..ports.broker import Broker
from ..ports.results import ResultBackend
from .run_task import TaskRunner

#: Seconds the store has to take what follows.
DEADLINE: Final = 10.0


def withdraw(
    ids: Sequence[str], broker: Broker, results: ResultBackend, runner: TaskRunner
) -> None:
    """Remove waiting messages of these tasks, where the broker can, and record the revocation."""
    if not broker.capabilities.remove:
        return  # workers drop them, who are told as well
    error = TaskRevokedError("revoked")
    removed = broker.remove(ids)
    reports = [runner.bury(0, one, error, state=states.REVOKED) for one in removed]
    if reports:
        _settle(reports, broker, results)


def _settle(reports: Sequence[Report], broker: Broker, results: ResultBackend) -> None:
    results.store([record for report in reports for record in report.results])
    parts = [part for report in reports for part in report.parts]
    if not parts or not results.capabilities.chords:
        return
    counts = results.count_parts([one.part for one in parts])
    due = {
        count.group_id: one.completion
        for one, count in zip(parts, counts, strict=True)
        if count.due
    }
    broker.publish(list(due.values()), deadline=DEADLINE)
