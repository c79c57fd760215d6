"""Clusters that run little else than long chains of brief tasks, so that links follow in a slot."""

from typing import Final

from .cluster import Cluster

#: How many links follow the first.
LENGTHS: Final = (3, 12, 30)


class ChainCluster(Cluster):
    """One store, and nothing that keeps links from following: neither limits nor revocations."""

    KINDS = ("chain", "chain", "chain", "plain", "late")
    ONE_STORE = 1.0
    ACTIONS = tuple(act for act in Cluster.ACTIONS if act is not Cluster.revoke)
    WEIGHTS = (
        *(4, 20, 30, 20, 90),  # publish, pass time, turn, take in, let a job go on
        *(1, 1, 4, 1, 0.1),  # a beat looks; kill a worker, a process; resize; kill a beat
        *(2, 1, 5, 0.7, 3),  # pause, cut off, mend, stop and start workers
        *(0.5, 4),  # jump, a settlement arrives
    )

    def frozen_chain(self, head: str) -> list[dict[str, object]]:
        """Make the rest of a long chain, last link first."""
        links: list[dict[str, object]] = []
        before = head
        for number in range(self.chance.choice(LENGTHS)):
            id_ = f"{head}-link{number}"
            task = self.chance.choice(["plain", "plain", "plain", "plain", "tracked", "late"])
            links.append({"task": task, "immutable": True, "options": {"task_id": id_}})
            self.chains.append((before, id_))
            before = id_
        return links[::-1]

    @property
    def relayed(self) -> int:
        """How many links have followed in a slot, as far as the store was told."""
        return sum("before link" in str(tag) for tag in self.ledger.ended)
