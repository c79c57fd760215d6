"""What looks at one worker from outside of its hub, and tells of it: probes, metrics, self-report.

Imported once the pool has forked.
"""

import os
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...application.take_signs import signs_of
from ...domain.work.health import Signs, why_not_alive, why_not_ready
from .self_report import SelfReport

if TYPE_CHECKING:
    from ..worker import AppWorker
    from .probes import Probes


class Watch:
    """Watches one worker from before it has reached its broker until it is gone."""

    def __init__(self, outer: "AppWorker", address: str | None, *, self_report: bool) -> None:
        """Listen at the address, if there is one. Raises ImproperlyConfigured."""
        self._outer = outer
        self._clock = outer.app.container.clock()
        self.probes: Probes | None = None
        if address is not None:
            self.probes = self._probes(address)
        self._report = SelfReport(outer.node, self._told) if self_report else None

    def start(self) -> None:
        """Begin to answer."""
        for part in (self.probes, self._report):
            if part is not None:
                part.start()

    def stop(self) -> None:
        """Answer no more."""
        for part in (self.probes, self._report):
            if part is not None:
                part.stop()

    def signs(self) -> Signs:
        """Return the worker's signs of life; those of one that has not joined yet are empty."""
        shell = self._outer.shell
        return Signs() if shell is None else signs_of(shell, self._clock)

    def _probes(self, address: str) -> "Probes":
        # Late, with its server and all that HTTP needs: most workers are asked at their socket.
        from .probes import Probes, metrics, verdict

        return Probes(
            address,
            {
                "/livez": lambda: verdict(why_not_alive(self.signs())),
                "/readyz": lambda: verdict(why_not_ready(self.signs())),
                "/metrics": lambda: metrics(self._metrics()),
            },
        )

    def _metrics(self) -> str:
        from .metrics import Family, Histogram, exposition, families, of_queues, of_times

        shell = self._outer.shell
        facts = {
            "node": self._outer.node,
            "version": __version__,
            "pool": type(self._outer.pool).__name__,
        }
        received = shell.chronicle.totals.copy() if shell else {}
        outcomes = shell.chronicle.outcomes.copy() if shell else {}
        told: list[Family | Histogram] = []
        told += families(self.signs(), received, outcomes, facts)
        if shell is not None and (times := shell.chronicle.times) is not None:
            told += of_times(times.runs.copy(), times.waits.copy(), times.delays.copy())
        if (look := self._outer.look) is not None:
            told += of_queues(look.depths, look.waits)
        return exposition(told)

    def _told(self) -> dict[str, Any]:
        signs = self.signs()
        return {
            "node": self._outer.node,
            "pid": os.getpid(),
            "not_alive": why_not_alive(signs),
            "not_ready": why_not_ready(signs),
            "slots": signs.slots,
            "running": signs.running,
            "held": signs.held,
            "last_poll": round(signs.poll_age, 3),
            "lease_age": round(signs.lease_age, 3),
            "unsettled": signs.unsettled,
        }
