"""For how long results are kept: those of failed tasks may have a time of their own.

What must stay true: only FAILURE is a failure here, as in Celery; a revoked task is no failed one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Retention:
    """Lifetimes of results, and of those in state FAILURE; None: for ever."""

    results: timedelta | None
    failures: timedelta | None

    @classmethod
    def of(
        cls, expires: timedelta | float | None, failure_expires: timedelta | float | None = None
    ) -> "Retention":
        """Read `result_expires` and `result_failure_expires`.

        None and 0 keep results for ever, but failures of which nothing is said (None) are kept
        for as long as other results.
        """
        results = _lifetime(expires)
        return cls(results, results if failure_expires is None else _lifetime(failure_expires))

    @property
    def for_ever(self) -> bool:
        """Whether nothing ever grows too old."""
        return self.results is None and self.failures is None

    def ends(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """Return before when results, and failures, must have been done to be too old by now."""
        return _before(now, self.results), _before(now, self.failures)


def _lifetime(said: timedelta | float | None) -> timedelta | None:
    if not said:
        return None
    return said if isinstance(said, timedelta) else timedelta(seconds=said)


def _before(now: datetime, lifetime: timedelta | None) -> datetime | None:
    return None if lifetime is None else now - lifetime
