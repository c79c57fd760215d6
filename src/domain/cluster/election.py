"""An election among workers, in Celery's rules: who has heard enough says who won.

Each node that is asked to hold one stands for it (`worker-elect`), and each that hears of a
candidate says so (`worker-elect-ack`). When as many acknowledgements were heard as there are other
nodes, the candidate heard of whose clock is lowest has won.

What must stay true: who hears the same in the same order, and knows the same neighbours, comes to
the same winner; nothing is kept of an election beyond its patience.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: The version of these rules, as events name it.
RULES: Final = 1
#: Seconds after which an election that nobody could decide is forgotten.
PATIENCE: Final = 10.0


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """Who stands: the lowest wins. `name` is node and process."""

    clock: int
    name: str
    topic: str = field(compare=False)
    action: Any = field(compare=False)


@dataclass(slots=True)
class Ballot:
    """One election, as far as it was heard of. `since` is a monotonic time."""

    since: float
    is_ours: bool = False
    acknowledged: int = 0
    candidates: list[Candidate] = field(default_factory=list)


def candidate_in(event: Mapping[str, Any]) -> tuple[str, Candidate] | None:
    """Return id and candidate of a `worker-elect`; None if it says less than it must."""
    id_, clock = event.get("id"), event.get("clock")
    hostname, pid, topic = event.get("hostname"), event.get("pid"), event.get("topic")
    if not isinstance(id_, str) or not isinstance(clock, int) or not isinstance(topic, str):
        return None
    return id_, Candidate(clock, f"{hostname}.{pid}", topic, event.get("action"))


def standing(id_: str, topic: str, action: Any) -> dict[str, Any]:
    """Return what a `worker-elect` says."""
    return {"id": id_, "topic": topic, "action": action, "cver": RULES}


class Elections:
    """The elections that one node has heard of and that nobody has won yet."""

    def __init__(self) -> None:
        """Hear of none yet."""
        self.ballots: dict[str, Ballot] = {}

    def begin(self, id_: str, tick: float) -> None:
        """Hold one from now on; what was acknowledged before does not count."""
        ballot = self._ballot(id_, tick)
        ballot.is_ours, ballot.acknowledged = True, 0

    def stand(self, id_: str, candidate: Candidate, tick: float) -> None:
        """Take in who stands."""
        self._ballot(id_, tick).candidates.append(candidate)

    def acknowledge(self, id_: str, others: int) -> Candidate | None:
        """Count an acknowledgement; return who has won, if it is enough for so many others."""
        ballot = self.ballots.get(id_)
        if ballot is None or not ballot.is_ours:
            return None
        ballot.acknowledged += 1
        if ballot.acknowledged < others or not ballot.candidates:
            return None
        del self.ballots[id_]
        return min(ballot.candidates)

    def give_up(self, tick: float) -> dict[str, Ballot]:
        """Forget the elections that take too long; return them by id."""
        over = {i: one for i, one in self.ballots.items() if tick - one.since >= PATIENCE}
        for id_ in over:
            del self.ballots[id_]
        return over

    def _ballot(self, id_: str, tick: float) -> Ballot:
        return self.ballots.setdefault(id_, Ballot(tick))
