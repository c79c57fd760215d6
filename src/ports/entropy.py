"""Ids and chance, as the application asks for them."""

from abc import abstractmethod
from typing import Protocol


class Entropy(Protocol):
    """Makes ids and random numbers. A seeded implementation replays."""

    @abstractmethod
    def new_id(self) -> str:
        """Return a new id, unique everywhere: the text of a UUID of 36 characters."""

    @abstractmethod
    def fraction(self) -> float:
        """Return a number in [0, 1), evenly spread."""
