"""Counting the parts of a chord by task id: the same part counted twice counts once."""

from dataclasses import dataclass, replace

from ..messaging.message import TaskMessage
from ..messaging.payload import Payload


@dataclass(frozen=True, slots=True)
class ChordOpening:
    """A chord about to be sent: how many parts it will have, for those who cannot tell."""

    group_id: str
    size: int


@dataclass(frozen=True, slots=True)
class ChordGrowth:
    """That a chord waits for further parts, beyond what its opening and its parts say.

    `key` is the id of what was added: told twice, by one who died in between, it counts once.
    """

    group_id: str
    by: int
    key: str


@dataclass(frozen=True, slots=True)
class ChordPart:
    """One header task that came to its end, well or not.

    `size` is how many parts the chord has in all; None: the sender has told the store
    (ChordOpening). The first part counted for a task id stays.
    """

    group_id: str
    task_id: str
    index: int | None
    size: int | None
    state: str
    result: Payload | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """A part, and what is published once when it turns out to be the last.

    `completion` is a message to the built-in task JOIN_CHORD, for celeriac workers alone: whoever
    takes it fetches the parts and sends the chord's body, or the errbacks of one that failed.
    All parts of a chord may share one, which then says nothing of where it comes from:
    `parent_id` and `root_id` do.
    """

    part: ChordPart
    completion: TaskMessage
    parent_id: str | None = None
    root_id: str | None = None

    def closing(self) -> TaskMessage:
        """Return the completion as it is published after this part."""
        if self.parent_id is None:
            return self.completion
        lineage = {"parent_id": self.parent_id, "root_id": self.root_id}
        return replace(self.completion, headers={**self.completion.headers, **lineage})


@dataclass(frozen=True, slots=True)
class ChordCount:
    """How far a chord has come after a part was counted. `size` None: nobody knows yet.

    `due`: all parts are in, the chord is not closed, and whoever is told this sees to its body.
    """

    group_id: str
    counted: int
    size: int | None
    due: bool = False

    @property
    def complete(self) -> bool:
        """Whether every part is in."""
        return self.size is not None and self.counted >= self.size
