"""End tasks that still wait, without a worker: their process becomes an owner for that moment.

What is taken out of the queues goes the way of a revoked task that a worker claims, so that chords
and chains are told as a worker tells them. Should the process die on the way, its lease runs out
and what it held is recovered as never begun.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from ..domain.errors import BrokerUnavailable, LeaseLost
from ..domain.work.core import WorkerCore, WorkerPolicy
from ..domain.work.effects import Bury, Effect, Join, Settle
from ..domain.work.job import Report
from ..domain.work.settlement import Settlement
from ..ports.broker import Broker
from ..ports.clock import Clock
from ..ports.results import ResultBackend
from ..ports.settler import Settler
from .refusals import SettlementMender
from .run_task import TaskRunner

#: Seconds that a step of so many tasks may take; after a death as many until they are recovered.
LEASE: Final = 15.0
AT_ONCE: Final = 1000


class Withdrawal:
    """Ends waiting tasks as revoked. For one use at a time."""

    def __init__(
        self,
        node: str,
        broker: Broker,
        settler: Settler,
        results: ResultBackend,
        runner: TaskRunner,
        clock: Clock,
    ) -> None:
        """Become an owner as `node`. The broker must be nobody else's, and able to seize."""
        self._node, self._broker, self._results = node, broker, results
        self._runner, self._clock = runner, clock
        self._settler = SettlementMender(settler, runner.refused_result)
        self._core = WorkerCore(WorkerPolicy(slots=0), lambda name: None)

    def withdraw(self, ids: Iterable[str]) -> None:
        """Settle what waits of these tasks as revoked; others are passed over.

        Raises BrokerUnavailable or BackendUnavailable: some were settled, the others still wait.
        """
        self._broker.enlist(self._node, LEASE)
        try:
            wanted = list(dict.fromkeys(ids))
            for first in range(0, len(wanted), AT_ONCE):
                if first:
                    self._broker.renew()
                self._withdraw(wanted[first : first + AT_ONCE])
        finally:
            # If that cannot be said either, the lease runs out.
            with suppress(BrokerUnavailable, LeaseLost):
                self._broker.leave()

    def _withdraw(self, ids: Sequence[str]) -> None:
        while ids:
            seized = self._broker.seize(ids)
            ended = list(self._ended(self._core.on_seized(seized, self._clock.now())))
            if ended:
                self._settler.settle(ended)
            # The chords whose last parts these were end here as well: there may be no worker.
            ids = [part.completion.id for one in ended for part in one.parts]

    def _ended(self, effects: Iterable[Effect]) -> Iterator[Settlement]:
        reports: list[Report] = []
        for effect in effects:
            match effect:
                case Bury(number, delivery, error):
                    message, state = delivery.message, effect.state
                    reports.append(self._runner.bury(number, message, error, state=state))
                case Join(number, delivery):
                    parts = self._results.fetch_parts
                    reports.append(self._runner.join(number, delivery.message, parts))
                case Settle(settlements):
                    yield from settlements
        if reports:
            yield from self._ended(self._core.on_reports(reports))
