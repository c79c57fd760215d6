"""The names of keys: kombu's, which Celery's processes use as well, and our own.

Everything of our own about one queue is named `{<queue>}celeriac.…`, so that it shares the hash
slot of kombu's list. The scripts make the same names; a change here is a change there.
"""

from __future__ import annotations

from .layout import JOINS, Layout


class Keys:
    """All names of a layout.

    In a Cluster each queue is by itself, in one slot, with owners of its own; and all bindings
    are in another. kombu has no transport for it, so nobody else looks for these names.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.prefix = prefix = layout.prefix
        queue, clustered = layout.queue, layout.clustered
        self._ours = f"{prefix}celeriac." if queue is None else f"{prefix}{{{queue}}}celeriac."
        self.queues = f"{self._ours}queues"
        self.owners = f"{self._ours}owners"
        self.paused = f"{self._ours}paused"
        self._kombus = f"{prefix}{{_kombu}}" if clustered else f"{prefix}_kombu"
        self.exchanges = f"{self._kombus}.exchanges" if clustered else f"{self._ours}exchanges"
        self.binding_deadlines = f"{self._kombus}.binding_deadlines"

    # -- kombu's

    def ready(self, queue: str, step: int | str = 0) -> str:
        """The list of what waits on a step of a queue; its end is served next."""
        if step == JOINS:
            return self.of_queue(queue, "joins")
        name = self.prefix + (f"{{{queue}}}" if self.layout.clustered else queue)
        return f"{name}{self.layout.separator}{step}" if step else name

    def bindings(self, exchange: str) -> str:
        """The set of an exchange's bindings."""
        return f"{self._kombus}.binding.{exchange}"

    def permanent_bindings(self, exchange: str) -> str:
        """The set of those bindings that keep an exchange from being swept away."""
        return f"{self._kombus}.binding_permanent.{exchange}"

    # -- our own

    def of_queue(self, queue: str, what: str) -> str:
        """A key of our own about a queue: parked, claimed, dead and so on."""
        return f"{self.prefix}{{{queue}}}celeriac.{what}"

    def bell_of(self, client: str) -> str:
        """The stream by which one client wakes itself."""
        return f"{self._ours}bell.{client}"
