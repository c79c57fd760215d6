"""No results: nothing is kept, and asking for one says what to set."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ...domain.canvas.chords import ChordCount, ChordGrowth, ChordOpening, ChordPart
from ...domain.errors import NoResultsKept
from ...domain.tasks.result_record import GroupRecord, ResultRecord
from ...ports.results import ResultBackend, ResultCapabilities

_WHY: Final = (
    "no results are kept: result_backend is not set; set it to a URL such as "
    "'sqlite:///results.sqlite3', or leave broker_url unset too for the embedded default"
)


class DisabledResults(ResultBackend):
    """Forgets what it is told and refuses what it is asked."""

    @property
    def capabilities(self) -> ResultCapabilities:
        """None."""
        return ResultCapabilities(persistent=False, chords=False, keeps_failures_apart=False)

    @property
    def url(self) -> str:
        """`disabled://`."""
        return "disabled://"

    def open(self) -> None:
        """There is nothing to open."""

    def close(self) -> None:
        """There is nothing to close."""

    def store(self, records: Sequence[ResultRecord]) -> None:
        """Forget the records."""

    def fetch(self, task_ids: Sequence[str]) -> Sequence[ResultRecord | None]:
        """Raise NoResultsKept."""
        raise NoResultsKept(_WHY)

    def watch(self, task_ids: Sequence[str], wait: float) -> Sequence[ResultRecord]:
        """Raise NoResultsKept."""
        raise NoResultsKept(_WHY)

    def forget(self, task_ids: Sequence[str]) -> None:
        """There is nothing to forget."""

    def save_groups(self, groups: Sequence[GroupRecord]) -> None:
        """Raise NoResultsKept."""
        raise NoResultsKept(_WHY)

    def fetch_groups(self, group_ids: Sequence[str]) -> Sequence[GroupRecord | None]:
        """Raise NoResultsKept."""
        raise NoResultsKept(_WHY)

    def forget_groups(self, group_ids: Sequence[str]) -> None:
        """There is nothing to forget."""

    def open_chords(self, openings: Sequence[ChordOpening]) -> None:
        """Raise NoResultsKept if there are any."""
        if openings:
            raise NoResultsKept(_WHY)

    def grow_chords(self, growths: Sequence[ChordGrowth]) -> None:
        """Raise NoResultsKept if there are any."""
        if growths:
            raise NoResultsKept(_WHY)

    def count_parts(self, parts: Sequence[ChordPart]) -> Sequence[ChordCount]:
        """Raise NoResultsKept."""
        raise NoResultsKept(_WHY)

    def fetch_parts(self, group_id: str) -> Sequence[ChordPart]:
        """Raise NoResultsKept."""
        raise NoResultsKept(_WHY)

    def close_chords(self, group_ids: Sequence[str]) -> None:
        """There is nothing to close."""

    def expire(self, before: datetime | None, failed_before: datetime | None) -> int:
        """Return 0."""
        return 0
