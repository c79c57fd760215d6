"""What a worker has in hand: by which tap it came, and what the ledger knows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from ...domain.messaging.delivery import Token
from .packet import Packet
from .taps import Tap


@dataclass(slots=True)
class Held:
    """One delivery. Without a tap its message was acknowledged: the ledger's entry is all of it."""

    token: Token
    queue: str
    packet: Packet
    tap: Tap | None
    tag: int = 0
    #: The entry in the ledger, if it was started.
    key: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether this worker still holds it."""
        return self.tap is None or self.tap.holds(self.tag)


class Hands:
    """Deliveries by token. The consuming link's lock must be held throughout."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._fence = 0
        self._held: dict[Token, Held] = {}

    def begin(self) -> None:
        """Start with empty hands, under tokens nobody has seen."""
        self._fence += 1
        self._held.clear()

    def take(self, queue: str, packet: Packet, tap: Tap | None, tag: int = 0) -> Held:
        """Take something in hand."""
        token = Token(next(self._numbers), self._fence)
        held = self._held[token] = Held(token, queue, packet, tap, tag)
        return held

    def of(self, token: Token) -> Held | None:
        """Return what a token stands for, None where it is stale."""
        held = self._held.get(token)
        if held is not None and not held.is_ours:
            del self._held[token]
            return None
        return held

    def let_go(self, token: Token) -> Held | None:
        """Take something out of the hands, None where the token is stale."""
        held = self.of(token)
        if held is not None:
            del self._held[token]
        return held

    def exchange(self, held: Held) -> Held | None:
        """Take what had napped in hand again, under another token."""
        if not held.is_ours:
            return None
        return self.take(held.queue, held.packet, held.tap, held.tag)

    def is_kept(self, token: Token) -> bool:
        """Tell whether the ledger alone keeps what a token stands for."""
        held = self._held.get(token)
        return held is not None and held.tap is None

    def take_back(self, held: Sequence[Held]) -> None:
        """Hold again what was let go of."""
        self._held.update({one.token: one for one in held})

    def without_tap(self) -> list[Held]:
        """Return what the ledger alone keeps."""
        return [held for held in self._held.values() if held.tap is None]

    def lost(self) -> list[str]:
        """Forget what went with its connection; return the entries that are void by that."""
        gone = [held for held in self._held.values() if not held.is_ours]
        for held in gone:
            del self._held[held.token]
        return [held.key for held in gone if held.key]
