"""Ids and chance out of the host's entropy pool.

An id must never be made twice, not even after a fork: what was drawn in advance belongs to the
process that drew it.
"""

import os
from random import SystemRandom
from typing import Final

from ...ports.entropy import Entropy

#: Ids drawn at once. One system call for so many makes an id cost well under a microsecond.
_BLOCK: Final = 256
_DIGITS: Final = 32
#: The first digit of a UUID's fourth group keeps two random bits; the upper two are its variant.
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class SystemEntropy(Entropy):
    """Makes version 4 UUIDs and random numbers; threads and forked children may share it."""

    def __init__(self) -> None:
        self._drawn: list[str] = []
        self._drawn_by = os.getpid()
        self._random = SystemRandom()

    def new_id(self) -> str:
        """Return the text of a new version 4 UUID."""
        text = self._digits()
        variant = _VARIANT[text[16]]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

    def fraction(self) -> float:
        """Return a number in [0, 1)."""
        return self._random.random()

    def _digits(self) -> str:
        if os.getpid() != self._drawn_by:
            self._drawn = []
            self._drawn_by = os.getpid()
        while True:
            try:
                return self._drawn.pop()  # one step, so that no two threads get the same
            except IndexError:
                self._draw()

    def _draw(self) -> None:
        text = os.urandom(_BLOCK * _DIGITS // 2).hex()
        self._drawn.extend(text[at : at + _DIGITS] for at in range(0, len(text), _DIGITS))
