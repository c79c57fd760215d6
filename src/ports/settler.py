"""The settler port: what must become true together, made true."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from ..domain.errors import NotSupported
from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.work.queue_slots import Claim
from ..domain.work.settlement import Settlement


class Settler(Protocol):
    """Carries out settlements in one round trip a batch."""

    @property
    @abstractmethod
    def atomic(self) -> bool:
        """Whether a settlement is one step that only the present owner can commit.

        If not, the order is publish, store, count, acknowledge, so that a crash at any point is
        repaired by the redelivery: each step is idempotent.
        """

    @property
    def claims(self) -> bool:
        """Whether `settle_and_claim` can be used: its broker claims in the same round trip."""
        return False

    def settle_and_claim(
        self, settlements: Sequence[Settlement], claim: Claim
    ) -> tuple[Sequence[bool], Sequence[Delivery | Undecodable]]:
        """Settle as `settle` does, then claim as the broker does, without waiting.

        What the settlements publish may be among what is claimed. Raises as `settle` does; where
        claiming fails nothing is claimed, and the next claim meets the reason.
        """
        raise NotSupported(f"{type(self).__name__} settles only: claim from the broker")

    @property
    def relays(self) -> bool:
        """Whether settlements may have a `relay`: a claim can come to be one of another message."""
        return False

    @abstractmethod
    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Commit settlements; False where the token was stale and nothing of it was committed.

        Parts of chords are counted. Where one is the last, an atomic settler publishes its
        completion and closes the chord to further completions in the same step, and keeps its
        parts until `closes` names it; any other joins the chord itself before it acknowledges.

        One that fails for a reason of its own (a result the store refuses) is answered by
        raising SettlementRefused naming its index, with nothing of the batch committed.
        Raises BrokerUnavailable or BackendUnavailable: calling again with the same batch is safe.
        """
