"""What one call of the core is answered with."""

from datetime import datetime

from ..messaging.delivery import Token, Undecodable
from ..messaging.message import TaskMessage
from .effects import Effect, Note, Settle
from .settlement import DeadLetter, Disposition, Settlement


class Answer:
    """Collects effects; all settlements of a call go in one batch, last."""

    __slots__ = ("effects", "now", "settlements")

    def __init__(self, now: datetime) -> None:
        """Answer something that happened at this time."""
        self.now = now
        self.effects: list[Effect] = []
        self.settlements: list[Settlement] = []

    def note(self, what: str, message: TaskMessage, detail: str) -> None:
        """Have a line logged."""
        self.effects.append(Note(what, message.task, message.id, detail))

    def settle(self, token: Token, disposition: Disposition) -> None:
        """Bring a delivery to its end, without any result."""
        self.settlements.append(Settlement(token, disposition))

    def refuse(self, garbage: Undecodable) -> None:
        """Put aside what nobody can read."""
        self.effects.append(Note("undecodable", "?", str(garbage.token.tag), garbage.reason))
        self.settle(garbage.token, DeadLetter(garbage.kind, garbage.reason))

    def all(self) -> list[Effect]:
        """Return the effects, in order."""
        if self.settlements:
            self.effects.append(Settle(self.settlements))
        return self.effects
