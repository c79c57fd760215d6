"""A worker as its events show it: `celery.events.state.Worker`, made by hand too."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ...domain.cluster import seen_workers

logger = logging.getLogger("celery.events.state")

#: Seconds between saying and hearing that clocks of different hosts may well differ by.
HEARTBEAT_DRIFT_MAX: Final = 16
DRIFT_WARNING: Final = (
    "The clock of %s differs from the one here, or its events travel long: by %s seconds. "
    "[said at: %s heard at: %s]"
)


class Worker(seen_workers.Worker):
    """One node. What its events say is there as attributes; times are unix seconds.

    Args:
        hostname: Its name.
        pid: Its process.
        freq: Seconds between two heartbeats.
        heartbeats: When some were heard.
        clock: Its logical clock.
        now: Tells the present.
        **fields: What else is known, such as `active`, `processed`, `loadavg`, `sw_ver`.
    """

    _drifts = False

    def __init__(
        self,
        hostname: str | None = None,
        pid: int | None = None,
        freq: float = 60,
        heartbeats: Iterable[float] | None = None,
        clock: int = 0,
        *,
        now: Callable[[], float] = time.time,
        **fields: Any,
    ) -> None:
        super().__init__(hostname, pid, freq, now=now, clock=clock, **fields)
        self.heartbeats.extend(heartbeats or ())

    def event(
        self,
        subject: str,
        timestamp: float | None = None,
        local_received: float | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        """Take in what was said; a clock that begins to differ much is told of in the log."""
        if timestamp and local_received:
            drift = abs(int(local_received) - int(timestamp))
            if drift > HEARTBEAT_DRIFT_MAX and not self._drifts:
                logger.warning(
                    DRIFT_WARNING, self.hostname, drift, _shown(timestamp), _shown(local_received)
                )
            self._drifts = drift > HEARTBEAT_DRIFT_MAX
        super().event(subject, timestamp, local_received, fields or {})


def _shown(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
