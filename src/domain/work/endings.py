"""The ends that no report tells of: what is never run, what was lost, cancelled or timed out.

Each has a report made in its stead (Bury), since chords and chains may be waiting for it, or goes
back to its queue.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from ..errors import TaskRevokedError, TimeLimitExceeded, WorkerLostError
from ..messaging.delivery import Delivery
from ..tasks import states
from . import crash_policy
from .answer import Answer
from .crash_policy import Verdict
from .effects import Bury, Join
from .hands import Hands, Held
from .intake import Drop, unknown
from .settlement import DONE, REQUEUE, DeadLetter, Requeue

#: What becomes of a revoked task.
REVOKED: Final = Drop(states.REVOKED, TaskRevokedError("revoked"))

_WORD: Final = {states.REVOKED: "revoked", states.FAILURE: "refused"}


class Endings:
    """Brings deliveries in hand to their ends."""

    def __init__(self, hands: Hands, max_crashes: int) -> None:
        """Put what crashed more than `max_crashes` times aside."""
        self._hands, self._max_crashes = hands, max_crashes

    def drop(self, delivery: Delivery, drop: Drop, answer: Answer) -> None:
        """Have it told why it is not run."""
        answer.note(_WORD.get(drop.state, "refused"), delivery.message, str(drop.error))
        number = self._hands.bury(Held(delivery, None))
        disposition = None if drop.disposition == DONE else drop.disposition
        answer.effects.append(
            Bury(number, delivery, drop.error, disposition=disposition, state=drop.state)
        )

    def join(self, delivery: Delivery, answer: Answer) -> None:
        """Have a chord joined whose completion this is."""
        answer.effects.append(Join(self._hands.bury(Held(delivery, None)), delivery))

    def lost(self, numbers: Iterable[int], cause: str, answer: Answer, *, begun: bool) -> None:
        """Judge jobs of which no report will come."""
        for number in numbers:
            held = self._hands.at_pool.pop(number, None)
            if held is not None:
                self.judge(held, begun, cause, answer)

    def judge(self, held: Held, started: bool, cause: str, answer: Answer) -> None:
        """Apply the crash policy."""
        if started and (held.revoked or held.cancelled):
            self._end_cancelled(held, answer)
            return
        delivery, limit = held.delivery, self._max_crashes
        match crash_policy.verdict(delivery, held.options, started=started, max_crashes=limit):
            case Verdict.REDELIVER:
                answer.settle(delivery.token, REQUEUE)
            case Verdict.COUNT_AND_REDELIVER:
                answer.note("lost", delivery.message, f"{cause}; delivered again")
                answer.settle(delivery.token, Requeue(crashed=True))
            case Verdict.FAIL:
                answer.note("lost", delivery.message, f"{cause}; not repeated")
                self._bury(held, WorkerLostError(cause), answer)
            case Verdict.UNKNOWN:
                self.drop(delivery, unknown(delivery.message.task), answer)
            case Verdict.DEAD_LETTER:
                detail = f"{cause}; that was crash {delivery.crashes + 1} of at most {limit}"
                answer.note("lost", delivery.message, detail)
                self._bury(held, WorkerLostError(detail), answer, DeadLetter("crashes", detail))

    def fail(
        self, held: Held, error: BaseException, answer: Answer, away: DeadLetter | None = None
    ) -> None:
        """Record that a delivery that is at no pool came to an error."""
        self._bury(held, error, answer, away)

    def timed_out(self, number: int, limit: float, answer: Answer) -> None:
        """Record that a job ran past its hard limit (seconds)."""
        held = self._hands.at_pool.pop(number, None)
        if held is not None:
            answer.note("timed out", held.delivery.message, f"limit {limit:g} s")
            self._bury(held, TimeLimitExceeded(limit), answer, timed_out=True)

    def cancelled(self, numbers: Sequence[int], started: Sequence[int], answer: Answer) -> None:
        """Give back what the pool was told to give up, or end it where it had begun."""
        begun = set(started)
        for number in numbers:
            held = self._hands.at_pool.pop(number, None)
            if held is None:
                continue
            if number in begun or held.revoked:
                self._end_cancelled(held, answer)
            else:
                answer.settle(held.delivery.token, REQUEUE)

    def _end_cancelled(self, held: Held, answer: Answer) -> None:
        """Give a cancelled task back, its attempt uncounted, if it may be repeated at all."""
        if held.revoked:
            error = TaskRevokedError("terminated")
            self._bury(held, error, answer, state=states.REVOKED)
        elif held.options is not None and crash_policy.repeatable(held.options):
            answer.settle(held.delivery.token, REQUEUE)
        else:
            why = "cancelled at the end of the worker's grace period (worker_grace_period)"
            self._bury(held, WorkerLostError(why), answer)

    def _bury(
        self,
        held: Held,
        error: BaseException,
        answer: Answer,
        disposition: DeadLetter | None = None,
        *,
        timed_out: bool = False,
        state: str = states.FAILURE,
    ) -> None:
        number = self._hands.bury(held)
        answer.effects.append(Bury(number, held.delivery, error, timed_out, disposition, state))
