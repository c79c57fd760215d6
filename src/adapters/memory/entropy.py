"""Ids and chance that replay: the same seed gives the same ids and numbers in the same order."""

from random import Random
from uuid import UUID

from ...ports.entropy import Entropy


class SeededEntropy(Entropy):
    """Makes ids and numbers from a seed; for tests and simulations, never for a real cluster."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)  # noqa: S311 - to be repeatable is its purpose

    def new_id(self) -> str:
        """Return the next UUID of this seed."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def fraction(self) -> float:
        """Return the next number of this seed."""
        return self._random.random()
