"""Bringing deliveries to their end, in an order that a crash at any point is mended by.

What is to be delivered again, later or aside is published first, then the ledger's entry is
struck, and last the message is acknowledged. A connection lost on the way takes the delivery with
it: RabbitMQ gives it to another. Of a run whose connection had been lost before there is a note in
the ledger that it is over, in place of its entry, for whoever gets its message.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import uuid4

from ...domain.errors import BrokerUnavailable
from ...domain.messaging.delivery import Token
from ...domain.work.settlement import REQUEUE, DeadLetter, Disposition, Done, Park, Requeue
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
        lost = [one for one in ours if one[0].lost]
        # Of these somebody may still get the message, and needs not run it.
        ended = [held for held, ending in lost if ending != REQUEUE]
        claiming.hands.over(held for held, ending in lost if ending == REQUEUE)
    try:
        _publish(store, ours)
        kept = _strike(ownership, ours, ended)
    except BaseException:
        with link.lock:
            claiming.hands.take_back([held for held, _ in ours])
        raise
    with link.lock:
        claiming.hands.over(ended)
        finished = {held.token for held in ended}
        here = [one for one in ours if one[0].token in kept]
        done = {held.token for held, _ in here if held.tap is None or held.lost}
        done |= _acknowledge(store, link, claiming, here, finished)
    return [held is not None and held.token in done for held, _ in endings]


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
    if held.lost or held.tap is None:
        # Should its message come again it is passed over; this one must not be taken for it.
        packet = packet.marked(copy=uuid4().hex)
    match ending:
        case Requeue(crashed) if crashed or held.tap is None:
            again = packet.marked(crashes=packet.crashes + crashed or None, redelivered=True)
            return to_queue(again, queue, store)
        case Park(until):
            wait = (until - now).total_seconds()
            if wait >= SHORTEST:
                return parked(packet, queue, store, wait)
            return to_queue(packet, queue, store) if held.tap is None or held.lost else None
        case DeadLetter():
            return dead_letters.letter(store, packet, queue, ending, now)
    return None


def _strike(ownership: Ownership, ours: Sequence[_Ending], ended: Sequence[Held]) -> set[Token]:
    """Strike entries; return whose deliveries are still this worker's."""
    ownership.assure()
    tokens = {held.token for held, _ in ours}
    if not ownership.finish(ended):
        tokens.difference_update(held.token for held in ended)
    noted = [held for held, _ in ours if held.key]
    struck = ownership.strike([held.key for held in noted])
    adopted = {
        held.token
        for held, was_ours in zip(noted, struck, strict=True)
        if (held.tap is None or held.lost) and not was_ours
    }
    return tokens - adopted


def _acknowledge(
    store: AmqpStore,
    link: Link,
    claiming: Claiming,
    ours: Sequence[_Ending],
    finished: Collection[Token],
) -> set[Token]:
    """Tell RabbitMQ of what is here; return what is settled by that. The lock must be held."""
    here = [one for one in ours if one[0].tap is not None and one[0].is_here]
    if not here:
        return set()
    try:
        with link.using():
            _tell(store, claiming, here, finished)
    except BrokerUnavailable:
        link.drop()  # they went with the connection
        return set()
    return {held.token for held, _ in here}


def _tell(
    store: AmqpStore,
    claiming: Claiming,
    here: Sequence[_Ending],
    finished: Collection[Token],
) -> None:
    now = store.clock.now()
    gone: dict[Tap, list[int]] = {}
    back: dict[Tap, list[int]] = {}
    for held, ending in here:
        assert held.tap is not None
        match ending:
            case _ if held.token in finished:  # its message came back just now
                gone.setdefault(held.tap, []).append(held.tag)
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
