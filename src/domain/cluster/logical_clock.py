"""A Lamport clock: counts so that what was caused by something has a larger number than it."""


class LogicalClock:
    """The clock of one process. Two threads that meet may get the same number, which is no harm."""

    __slots__ = ("value",)

    def __init__(self, value: int = 0) -> None:
        """Start at a number."""
        self.value = value

    def forward(self) -> int:
        """Count on, before something is sent; return the new value."""
        self.value += 1
        return self.value

    def adjust(self, other: object) -> int:
        """Take in what a message says the other's clock was; return the new value."""
        heard = other if isinstance(other, int) else 0
        self.value = max(self.value, heard) + 1
        return self.value
