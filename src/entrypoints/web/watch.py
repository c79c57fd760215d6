"""What looks at one worker from outside of its hub, and tells of it: probes, metrics, self-report.

Imported once the pool has forked.
"""

import os
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...application.take_signs import signs_of
from ...domain.work.health import Signs, why_not_alive, why_not_ready
from .metrics import exposition, families
from .probes import Probes, metrics, verdict
from .self_report import SelfReport

if TYPE_CHECKING:
    from ..worker import AppWorker


class Watch:
    """Watches one worker from before it has reached its broker until it is gone."""

    def __init__(self, outer: "AppWorker", address: str | None, *, self_report: bool) -> None:
        """Listen at the address, if there is one. Raises ImproperlyConfigured."""
        self._outer = outer
        self._clock = outer.app.container.clock()
        self.probes: Probes | None = None
        if address is not None:
            pages = {
                "/livez": lambda: verdict(why_not_alive(self.signs())),
                "/readyz": lambda: verdict(why_not_ready(self.signs())),
                "/metrics": lambda: metrics(self._metrics()),
            }
            self.probes = Probes(address, pages)
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

    def _metrics(self) -> str:
        shell = self._outer.shell
        facts = {
            "node": self._outer.node,
            "version": __version__,
            "pool": type(self._outer.pool).__name__,
        }
        received = shell.chronicle.totals.copy() if shell else {}
        outcomes = shell.chronicle.outcomes.copy() if shell else {}
        return exposition(families(self.signs(), received, outcomes, facts))

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
