"""Pools of child processes that can begin anew, with all that they import read again.

A nursery is started that inherits nothing, whatever the start method: the hub has threads by now
and cannot be copied. What must stay true: a program that cannot be imported any more costs nothing,
for the old children work on until a new one is ready.
"""

import logging
import selectors

from ....domain.errors import NotSupported
from ....ports.pool import Restartable
from .hub import NOT_RUNNING, ChildrenPool
from .nursery import Nursery
from .spoke import Spoke

logger = logging.getLogger("celeriac.pool")


class RestartingPool(ChildrenPool, Restartable):
    """Replaces its nursery, and so all children, when asked to."""

    def restart(self) -> None:
        """Start another nursery, and a child of it: if that gets ready, all others leave."""
        with self._lock:
            self._may_restart()
        plan = self._plan.anew()
        heir = Nursery(self._runner, plan)
        with self._lock:
            try:
                self._may_restart()
                scout = self._crew.conceive(heir)
            except (OSError, NotSupported) as exc:
                heir.dismiss()
                raise NotSupported(f"the pool cannot be restarted now: {exc}") from exc
            self._nurseries.try_out(heir, scout)
            self._watch(heir)
            self._selector.register(scout.sock, selectors.EVENT_READ, scout)
            self._wake()

    def _may_restart(self) -> None:
        if self._thread is None or self._closed:
            raise NotSupported(NOT_RUNNING)
        if self._nurseries.heir is not None:
            raise NotSupported("the pool is being restarted: wait until the log says it was")

    def _see_to_nurseries(self) -> None:
        """Let the heir follow once its child is ready; forget nurseries that have no child left."""
        if self._nurseries.heir_is_ready:
            self._nurseries.succeed()
            logger.info("a process that imported everything anew is ready: the old ones leave")
            for spoke in list(self._crew):
                if spoke.nursery is not self._nurseries.present:
                    self._work.send_away(spoke, recall=True)
        for nursery in self._nurseries.childless(self._crew):
            self._dismiss(nursery)

    def _lose(self, nursery: Nursery) -> None:
        """Give up without the present one; without another, only its children are lost."""
        if nursery is self._nurseries.present:
            self._give_up()
            return
        if nursery is self._nurseries.heir:
            self._abandon_heir(f"the process {nursery.pid} that was to make children anew ended")
        cause = f"the process {nursery.pid} that made it died"
        for spoke in [one for one in self._crew if one.nursery is nursery]:
            self._work.take_in(spoke, spoke.drain())
            self._bury(spoke, cause)

    def _bury(self, spoke: Spoke, how: str) -> None:
        if spoke is self._nurseries.scout:
            self._abandon_heir(how)
        super()._bury(spoke, how)

    def _abandon_heir(self, how: str) -> None:
        heir, scout = self._nurseries.abandon()
        scout.leaving = True  # so that nobody misses it
        logger.error("%s before it could run anything: the pool goes on as it was", how)
        self._dismiss(heir)

    def _dismiss(self, nursery: Nursery) -> None:
        if nursery.sock in self._selector.get_map():
            self._selector.unregister(nursery.sock)
        nursery.dismiss()
