"""Settlements that a store refuses for what they hold, mended so that the delivery can end.

A store may refuse one result (too large for its column, say) among a hundred. The batch is then
committed with that result replaced by a failure that tells why: never is it tried for ever.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..domain.errors import SettlementRefused
from ..domain.tasks.result_record import ResultRecord
from ..domain.work.settlement import Settlement
from ..ports.settler import Settler

#: Makes the failure that is stored in place of a refused record.
Mend = Callable[[ResultRecord, str], ResultRecord]


class SettlementMender:
    """A settler that answers refusals."""

    def __init__(self, settler: Settler, mend: Mend) -> None:
        """Settle with `settler`, replace what it refuses with what `mend` makes."""
        self._settler, self._mend = settler, mend

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Commit settlements; a refused one loses its results, then its follow-ups too."""
        batch = list(settlements)
        times: dict[int, int] = {}
        while True:
            try:
                return self._settler.settle(batch)
            except SettlementRefused as refused:
                index = refused.index
                times[index] = times.get(index, 0) + 1
                if times[index] > 2:
                    raise
                batch[index] = self._without(batch[index], str(refused), times[index])

    def _without(self, settlement: Settlement, why: str, times: int) -> Settlement:
        if times == 1:
            results = tuple(self._mend(record, why) for record in settlement.results)
            return replace(settlement, results=results, publish=())
        return replace(settlement, results=(), publish=(), part=None)
