"""The state file port: what one worker remembers from one run to the next."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Remembered:
    """Revoked ids with the monotonic seconds at which they were, oldest first; logical clock."""

    revoked: Mapping[str, float] = field(default_factory=dict)
    clock: int = 0


class StateFile(Protocol):
    """Keeps it."""

    @abstractmethod
    def load(self) -> Remembered:
        """Return what is there; nothing if there is no file. Raises StateUnreadable."""

    @abstractmethod
    def save(self, state: Remembered) -> None:
        """Put this in place of what is there. Raises OSError."""
