"""Counting the parts of a chord by task id: the same part counted twice counts once."""

from dataclasses import dataclass

from ..messaging.payload import Payload


@dataclass(frozen=True, slots=True)
class ChordPart:
    """One finished header task. `size` is how many parts the chord has in all."""

    group_id: str
    task_id: str
    index: int | None
    size: int
    state: str
    result: Payload | None = None


@dataclass(frozen=True, slots=True)
class ChordCount:
    """How far a chord has come after a part was counted."""

    group_id: str
    counted: int
    size: int
    first_to_complete: bool

    @property
    def complete(self) -> bool:
        """Whether every part is in."""
        return self.counted >= self.size
