"""What a worker has in hand: by which tap it came, and what the ledger knows of it.

A connection that is lost takes its messages back to RabbitMQ. What of them had been started goes
on: its entry in the ledger keeps other workers from starting it as well, and when its message is
delivered here again, it is given to the run it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from ...domain.messaging.delivery import Token
from .packet import Packet
from .taps import Tap


@dataclass(slots=True)
class Held:
    """One delivery. Without a tap its message was acknowledged: the ledger's entry is all of it.

    `lost`: its message went with its connection, and the ledger's entry is what holds it.
    """

    token: Token
    queue: str
    packet: Packet
    tap: Tap | None
    tag: int = 0
    #: The entry in the ledger, if it was started.
    key: str = ""
    lost: bool = False

    @property
    def is_here(self) -> bool:
        """Whether this worker has all there is of it."""
        return self.tap is None or self.tap.holds(self.tag)


class Hands:
    """Deliveries by token. The consuming link's lock must be held throughout."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._fence = 0
        self._held: dict[Token, Held] = {}
        #: What goes on without its message, by which run of which task it is.
        self._lost: dict[str, Held] = {}

    def begin(self) -> None:
        """Start with empty hands, under tokens nobody has seen."""
        self._fence += 1
        self._held.clear()
        self._lost.clear()

    def take(self, queue: str, packet: Packet, tap: Tap | None, tag: int = 0) -> Held:
        """Take something in hand."""
        token = Token(next(self._numbers), self._fence)
        held = self._held[token] = Held(token, queue, packet, tap, tag)
        return held

    def of(self, token: Token) -> Held | None:
        """Return what a token stands for, None where it is stale."""
        held = self._held.get(token)
        if held is None or held.lost or held.is_here:
            return held
        if not held.key:
            del self._held[token]
            return None
        held.lost = True
        self._lost[held.packet.attempt] = held
        return held

    def let_go(self, token: Token) -> Held | None:
        """Take something out of the hands, None where the token is stale.

        What was lost may still get its message back, until it is `over`.
        """
        held = self.of(token)
        if held is not None:
            del self._held[token]
        return held

    def exchange(self, held: Held) -> Held | None:
        """Take what had napped in hand again, under another token."""
        if not held.is_here:
            return None
        return self.take(held.queue, held.packet, held.tap, held.tag)

    def is_kept(self, token: Token) -> bool:
        """Tell whether the ledger alone keeps what a token stands for."""
        held = self._held.get(token)
        return held is not None and held.tap is None

    def take_back(self, held: Sequence[Held]) -> None:
        """Hold again what was let go of."""
        self._held.update({one.token: one for one in held})
        self._lost.update({one.packet.attempt: one for one in held if one.lost})

    def rejoin(self, held: Held) -> bool:
        """Give a message to the run here that had lost it; False if there is none."""
        run = self._lost.pop(held.packet.attempt, None)
        if run is None:
            return False
        del self._held[held.token]
        run.tap, run.tag, run.lost = held.tap, held.tag, False
        return True

    def over(self, ended: Iterable[Held]) -> None:
        """Forget runs that had lost their message: nothing goes on here any more."""
        for held in ended:
            if self._lost.get(held.packet.attempt) is held:
                del self._lost[held.packet.attempt]

    def without_tap(self) -> list[Held]:
        """Return what the ledger alone keeps."""
        return [held for held in self._held.values() if held.tap is None]

    def lost(self) -> None:
        """Forget what went with its connection and had not been started."""
        for token in tuple(self._held):
            self.of(token)

    def keys_of_lost(self) -> list[str]:
        """Return the entries of what goes on without its message."""
        return [held.key for held in self._lost.values()]


def acknowledge(some: Iterable[Held], *, ask: bool = False) -> dict[Tap, list[Held]]:
    """Acknowledge what is here, and tell what that was; the ledger keeps it now, if anybody does.

    `ask` for a sign that RabbitMQ has taken it in. The link's lock must be held.
    """
    by_tap: dict[Tap, list[Held]] = {}
    for held in some:
        if held.tap is not None and held.is_here:
            by_tap.setdefault(held.tap, []).append(held)
    for tap, together in by_tap.items():
        tap.acknowledge((held.tag for held in together), ask=ask)
        tap.recent.extend(held for held in together if held.key)
        for held in together:
            held.tap = None
    return by_tap
