"""Bringing deliveries to their end, in an order that a crash at any point is mended by.

What is to be delivered again, later or aside is published first, then the ledger's entry is
struck, and last the message is acknowledged. A connection lost on the way takes the delivery with
it: RabbitMQ gives it to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ...domain.errors import BrokerUnavailable
from ...domain.messaging.delivery import Token
from ...domain.work.settlement import DeadLetter, Disposition, Done, Park, Requeue
from . import dead_letters
from .addresses import SHORTEST, parked, to_queue, with_origin
from .claiming import Claiming
from .held import Held
from .link import Link
from .ownership import Ownership
from .publishing import Letter
from .store import AmqpStore
from .taps import Tap

_Ending = tuple[Held, Disposition]


def settle(
    store: AmqpStore,
    link: Link,
    claiming: Claiming,
    ownership: Ownership,
    settled: Sequence[tuple[Token, Disposition]],
) -> list[bool]:
    """Settle deliveries; False where the token is stale.

    Raises BrokerUnavailable or BackendUnavailable: then they are held as before.
    """
    with link.lock:
        endings = [(claiming.hands.let_go(token), ending) for token, ending in settled]
    ours = [(held, ending) for held, ending in endings if held is not None]
    try:
        _publish(store, ours)
        kept = _strike(ownership, ours)
    except BaseException:
        with link.lock:
            claiming.hands.take_back([held for held, _ in ours])
        raise
    done = _acknowledge(store, link, claiming, [one for one in ours if one[0].token in kept])
    return [held is not None and held.token in done for held, _ in endings]


def acknowledge_early(begun: Iterable[Held]) -> None:
    """Acknowledge what the ledger keeps from now on. The link's lock must be held."""
    by_tap: dict[Tap, list[Held]] = {}
    for held in begun:
        if held.tap is not None and held.is_ours:
            by_tap.setdefault(held.tap, []).append(held)
    for tap, some in by_tap.items():
        tap.acknowledge(held.tag for held in some)
        for held in some:
            held.tap = None


def _publish(store: AmqpStore, ours: Sequence[_Ending]) -> None:
    if not any(not isinstance(ending, Done) for _, ending in ours):
        return
    now, deadline = store.clock.now(), store.settings.timeout + 1.0
    with store.publishing.using(deadline):
        letters = [letter for held, end in ours if (letter := _letter(store, held, end, now))]
        if letters:
            store.publish(letters, deadline)


def _letter(store: AmqpStore, held: Held, ending: Disposition, now: datetime) -> Letter | None:
    """Return what is to be published of a delivery: nothing if its message can stay."""
    packet, queue = with_origin(held.packet, held.queue, store), held.queue
    match ending:
        case Requeue(crashed) if crashed or held.tap is None:
            again = packet.marked(crashes=packet.crashes + crashed or None, redelivered=True)
            return to_queue(again, queue, store)
        case Park(until):
            wait = (until - now).total_seconds()
            if wait >= SHORTEST:
                return parked(packet, queue, store, wait)
            return None if held.tap is not None else to_queue(packet, queue, store)
        case DeadLetter():
            return dead_letters.letter(store, packet, queue, ending, now)
    return None


def _strike(ownership: Ownership, ours: Sequence[_Ending]) -> set[Token]:
    """Strike entries; return whose deliveries are still this worker's."""
    noted = [held for held, _ in ours if held.key]
    struck = ownership.strike([held.key for held in noted])
    adopted = {
        held.token
        for held, was_ours in zip(noted, struck, strict=True)
        if held.tap is None and not was_ours
    }
    return {held.token for held, _ in ours} - adopted


def _acknowledge(
    store: AmqpStore, link: Link, claiming: Claiming, ours: Sequence[_Ending]
) -> set[Token]:
    """Tell RabbitMQ; return what is settled."""
    done = {held.token for held, _ in ours if held.tap is None}
    with link.lock:
        here = [one for one in ours if one[0].tap is not None and one[0].is_ours]
        if not here:
            return done
        try:
            with link.using():
                _tell(store, claiming, here)
        except BrokerUnavailable:
            link.drop()  # they went with the connection
            return done
    return done | {held.token for held, _ in here}


def _tell(store: AmqpStore, claiming: Claiming, here: Sequence[_Ending]) -> None:
    now = store.clock.now()
    gone: dict[Tap, list[int]] = {}
    back: dict[Tap, list[int]] = {}
    for held, ending in here:
        assert held.tap is not None
        match ending:
            case Requeue(crashed=False):
                back.setdefault(held.tap, []).append(held.tag)
            case Park(until) if (until - now).total_seconds() < SHORTEST:
                claiming.nap(held, until)
            case _:
                gone.setdefault(held.tap, []).append(held.tag)
    for tap, tags in gone.items():
        tap.acknowledge(tags)
    for tap, tags in back.items():
        tap.reject(tags)
        tap.settle_down()
