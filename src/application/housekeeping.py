"""Delete what has been kept for long enough, so that no store grows for ever.

Every worker does it now and then: deleting twice deletes nothing more.
"""

import logging
from datetime import timedelta
from typing import Final

from ..domain.errors import BackendUnavailable
from ..ports.clock import Clock
from ..ports.results import ResultBackend

logger = logging.getLogger("celeriac.worker")

#: Seconds between two rounds of a worker.
PERIOD: Final = 3600.0


class Housekeeping:
    """Expires results; asked often, it acts once a period."""

    def __init__(self, results: ResultBackend, keep: timedelta | None, clock: Clock) -> None:
        """Keep results for that long; None: for ever, or the backend sees to it itself."""
        by_itself = results.capabilities.expires_itself or not results.capabilities.persistent
        self._results, self._clock = results, clock
        self._keep = None if by_itself else keep
        self._next = clock.monotonic() + PERIOD / 60

    def turn(self) -> None:
        """Do what is due. Never raises for a store that is away: it will be there next time."""
        if self._keep is None or self._clock.monotonic() < self._next:
            return
        self._next = self._clock.monotonic() + PERIOD
        try:
            gone = self._results.expire(self._clock.now() - self._keep)
        except BackendUnavailable as away:
            logger.warning("old results not deleted this time: %s", away)
        else:
            logger.debug("%d results older than %s deleted", gone, self._keep)


def lifetime(setting: timedelta | float | None) -> timedelta | None:
    """Return what `result_expires` says; None and 0 mean for ever."""
    if not setting:
        return None
    return setting if isinstance(setting, timedelta) else timedelta(seconds=setting)
