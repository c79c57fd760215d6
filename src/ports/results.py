"""The result port: what became of tasks, groups and chords, under their ids."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ..domain.canvas.chords import ChordCount, ChordGrowth, ChordOpening, ChordPart
from ..domain.tasks.result_record import GroupRecord, ResultRecord


@dataclass(frozen=True, slots=True)
class ResultCapabilities:
    """What a result backend can do. `max_bytes` is the largest encoded result it holds."""

    persistent: bool = True
    expires_itself: bool = False
    chords: bool = True
    #: Whether failures may be kept for another time than other results.
    keeps_failures_apart: bool = True
    max_bytes: int | None = None


class ResultBackend(Protocol):
    """Keeps records by task id. All methods may be called from several threads at once."""

    @property
    @abstractmethod
    def capabilities(self) -> ResultCapabilities:
        """What this backend can do."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the results are, for banners and logs; passwords are masked."""

    @abstractmethod
    def open(self) -> None:
        """Connect and make what the store needs. Called implicitly by the first use."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections; idempotent."""

    @abstractmethod
    def store(self, records: Sequence[ResultRecord]) -> None:
        """Write records, where `states.may_replace` allows; the later of two in a batch wins.

        Storing the same records again changes nothing. Raises BackendUnavailable.
        """

    @abstractmethod
    def fetch(self, task_ids: Sequence[str]) -> Sequence[ResultRecord | None]:
        """Return the records of these ids, in this order; None where nothing is kept."""

    @abstractmethod
    def watch(self, task_ids: Sequence[str], wait: float) -> Sequence[ResultRecord]:
        """Block up to `wait` seconds until one of the tasks at least is ready; return those ready.

        Empty when time ran out. One call watches any number of ids at the cost of one
        subscription or one query a look.
        """

    @abstractmethod
    def forget(self, task_ids: Sequence[str]) -> None:
        """Delete records; unknown ids are ignored."""

    @abstractmethod
    def save_groups(self, groups: Sequence[GroupRecord]) -> None:
        """Keep groups, replacing those of the same id."""

    @abstractmethod
    def fetch_groups(self, group_ids: Sequence[str]) -> Sequence[GroupRecord | None]:
        """Return saved groups, in this order; None where nothing is kept."""

    @abstractmethod
    def forget_groups(self, group_ids: Sequence[str]) -> None:
        """Delete saved groups and what was counted for their chords; unknown ids are ignored."""

    @abstractmethod
    def open_chords(self, openings: Sequence[ChordOpening]) -> None:
        """Tell the store how many parts chords will have; opening one again changes nothing.

        Only for those that count without being told by the part, such as Celery's workers.
        """

    @abstractmethod
    def grow_chords(self, growths: Sequence[ChordGrowth]) -> None:
        """Let chords wait for more parts than their openings and their parts say.

        A growth counts once for its group and key, however often it is told.
        """

    @abstractmethod
    def count_parts(self, parts: Sequence[ChordPart]) -> Sequence[ChordCount]:
        """Count parts, each task id once for its group, and tell how far each chord has come.

        A chord of which all parts are in is `due` in one answer at least, and again in later ones
        as long as nobody has closed it: who was told first may have died. While two count at the
        same time a store may tell one of them only, for up to some seconds.
        """

    @abstractmethod
    def fetch_parts(self, group_id: str) -> Sequence[ChordPart]:
        """Return the counted parts of a chord in the order of their index."""

    @abstractmethod
    def close_chords(self, group_ids: Sequence[str]) -> None:
        """Note that the bodies of these chords are published, and delete their parts.

        A closed chord is never due again, whatever is counted.
        """

    @abstractmethod
    def expire(self, before: datetime | None, failed_before: datetime | None) -> int:
        """Delete ready records and groups that are old; return how many.

        Those in state FAILURE are old if done before `failed_before`, all others, and groups, if
        done before `before`. None: none of them is. Chords that were not touched since `before`
        may go with them, uncounted.
        """
