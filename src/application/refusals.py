"""Settlements that a store refuses for what they hold, mended so that the delivery can end.

A store may refuse one result (too large for its column, say) among a hundred. The others are then
committed as they are, and that one with a failure in its place that tells why: no settlement is
tried for ever, and none holds up the rest.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from ..domain.errors import BackendUnavailable, BrokerUnavailable, LeaseLost, SettlementRefused
from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.tasks.result_record import ResultRecord
from ..domain.work.queue_slots import Claim
from ..domain.work.settlement import Settlement
from ..ports.settler import Settler

logger = logging.getLogger("celeriac.worker")

#: The store is away, or another owns the deliveries: nothing is wrong with what was to be settled.
_NOT_ITS_FAULT: Final = (BrokerUnavailable, BackendUnavailable, LeaseLost)

#: Makes the failure that is stored in place of a refused record.
Mend = Callable[[ResultRecord, str], ResultRecord]


class SettlementMender:
    """A settler that answers refusals."""

    def __init__(self, settler: Settler, mend: Mend) -> None:
        """Settle with `settler`, replace what it refuses with what `mend` makes."""
        self._settler, self._mend = settler, mend

    @property
    def claims(self) -> bool:
        """Whether it can claim in the same round trip."""
        return self._settler.claims

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Commit settlements; a refused one without its follow-ups, at last without its results.

        Raises BrokerUnavailable, BackendUnavailable or LeaseLost, as the settler does.
        """
        return self.settle_and_claim(settlements, None)[0]

    def settle_and_claim(
        self, settlements: Sequence[Settlement], claim: Claim | None
    ) -> tuple[Sequence[bool], Sequence[Delivery | Undecodable]]:
        """Commit settlements as `settle` does, and claim: nothing, where some are refused."""
        try:
            if claim is None:
                return self._settler.settle(settlements), ()
            return self._settler.settle_and_claim(settlements, claim)
        except _NOT_ITS_FAULT:
            raise
        except Exception as why:
            _tell(why)
            return [self._settle_alone(settlement) for settlement in settlements], ()

    def _settle_alone(self, settlement: Settlement) -> bool:
        why = ""
        for mend in (_as_it_is, self._with_failures, _bare):
            try:
                return self._settler.settle([mend(settlement, why)])[0]
            except _NOT_ITS_FAULT:
                raise
            except Exception as refused:
                why = _reason(refused)
                _tell(refused)
        logger.critical("a delivery cannot be settled; it goes back to its queue when this ends")
        return False

    def _with_failures(self, settlement: Settlement, why: str) -> Settlement:
        results = tuple(self._mend(record, why) for record in settlement.results)
        return replace(settlement, results=results, publish=())


def _as_it_is(settlement: Settlement, why: str) -> Settlement:
    return settlement


def _bare(settlement: Settlement, why: str) -> Settlement:
    return Settlement(settlement.token, settlement.disposition, relay=settlement.relay)


def _reason(refused: Exception) -> str:
    return str(refused.args[1] if isinstance(refused, SettlementRefused) else refused)


def _tell(why: Exception) -> None:
    if isinstance(why, SettlementRefused):
        logger.warning("%s", why)
    else:
        logger.error("a settlement failed in a way that was not foreseen", exc_info=why)
