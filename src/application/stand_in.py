"""What a process beside the worker is to hold on to while the worker itself cannot.

That is its place in the cluster, and the slots that its tasks hold in it. What must stay true: it
knows of a slot before the task runs that holds it.
"""

import json
import threading
from collections.abc import Callable

from ..ports.coordinator import Coordinator
from ..ports.lease import LeaseGuard, PortableLease
from .admission import Admission


class StandIn(LeaseGuard):
    """A guard that is told of slots too."""

    def __init__(self, guard: LeaseGuard, admission: Admission) -> None:
        """Tell this guard of what is held, whenever that has grown."""
        self._guard, self._admission = guard, admission
        self._papers: str | None = None
        self._telling = threading.Lock()
        admission.on_more(self._tell)

    def sign(self, papers: str | None) -> None:
        """Say that the worker lives and renews by itself."""
        self._papers = papers
        self._tell()

    def expect(self, deadline: float) -> None:
        """Have the worker killed some seconds after this time; see LeaseGuard.expect."""
        self._guard.expect(deadline)

    def close(self) -> None:
        """Let the process end."""
        self._guard.close()

    def _tell(self) -> None:
        # The keeper's thread and the hub's.
        with self._telling:
            told = self._papers and json.dumps([self._papers, self._admission.held])
            self._guard.sign(told)


def renew(told: str, broker: object, coordinator: Callable[[], Coordinator], lease: float) -> None:
    """Hold on to all that a worker was last known to hold, for `lease` seconds."""
    papers, slots = json.loads(told)
    if isinstance(broker, PortableLease):
        broker.renew_as(papers)
    if slots:
        coordinator().prolong([(name, holder) for name, holder in slots], lease)
