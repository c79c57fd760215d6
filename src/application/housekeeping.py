"""Delete what has been kept for long enough, so that no store grows for ever.

Every worker does it now and then: deleting twice deletes nothing more.
"""

import logging
from typing import Final

from ..domain.errors import BackendUnavailable
from ..domain.tasks.retention import Retention
from ..ports.clock import Clock
from ..ports.results import ResultBackend

logger = logging.getLogger("celeriac.worker")

#: Seconds between two rounds of a worker.
PERIOD: Final = 3600.0


class Housekeeping:
    """Expires results; asked often, it acts once a period."""

    def __init__(self, results: ResultBackend, retention: Retention, clock: Clock) -> None:
        """Keep results for that long; a backend that sees to it itself is left alone."""
        by_itself = results.capabilities.expires_itself or not results.capabilities.persistent
        self._results, self._clock, self._retention = results, clock, retention
        self._idle = by_itself or retention.for_ever
        self._next = clock.monotonic() + PERIOD / 60

    def turn(self) -> None:
        """Do what is due. Never raises for a store that is away: it will be there next time."""
        if self._idle or self._clock.monotonic() < self._next:
            return
        self._next = self._clock.monotonic() + PERIOD
        before, failed_before = self._retention.ends(self._clock.now())
        try:
            gone = self._results.expire(before, failed_before)
        except BackendUnavailable as away:
            logger.warning("old results not deleted this time: %s", away)
        else:
            logger.debug(
                "%d results done before %s (failures: %s) deleted", gone, before, failed_before
            )
