"""What becomes of work whose process died, by one rule.

What had not started is delivered again; what had started is delivered again if it is acknowledged
late, else recorded as FAILURE WorkerLostError, never repeated against the user's wish and never
forgotten; what keeps killing its process becomes a dead letter.
"""

from enum import Enum

from ..messaging.delivery import Delivery
from ..tasks.options import TaskOptions


class Verdict(Enum):
    """What to do with a delivery whose process died."""

    REDELIVER = "deliver it again"
    COUNT_AND_REDELIVER = "deliver it again, one crash more on its account"
    FAIL = "record WorkerLostError and call its errbacks"
    DEAD_LETTER = "it has crashed too often: put it aside"
    UNKNOWN = "nobody here can tell whether it may be repeated: put it aside"


def verdict(
    delivery: Delivery, options: TaskOptions | None, *, started: bool, max_crashes: int
) -> Verdict:
    """Apply the rule. `options` is None for a task that is not registered here."""
    if not started:
        return Verdict.REDELIVER
    if options is None:
        return Verdict.UNKNOWN
    if not repeatable(options):
        return Verdict.FAIL
    if delivery.crashes + 1 >= max_crashes:
        return Verdict.DEAD_LETTER
    return Verdict.COUNT_AND_REDELIVER


def repeatable(options: TaskOptions) -> bool:
    """Tell whether a started task may be started again after its process died.

    `acks_late` says yes, `reject_on_worker_lost=False` takes that back; `retry_on_worker_lost`
    says yes for any task.
    """
    late = options.acks_late and options.reject_on_worker_lost is not False
    return late or options.retry_on_worker_lost
