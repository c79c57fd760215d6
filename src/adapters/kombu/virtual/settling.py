"""Bringing deliveries to their end: what is carried again goes first, then the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from ....domain.messaging.delivery import Token
from ....domain.work.settlement import Disposition, Done, Park, Requeue
from .custody import Custody
from .endings import letter_of
from .held import Hands, Held
from .store import VirtualStore

_Ending = tuple[Held, Disposition]


def settle(
    store: VirtualStore,
    custody: Custody,
    hands: Hands,
    settled: Sequence[tuple[Token, Disposition]],
) -> list[bool]:
    """Settle deliveries; False where the token is stale.

    Raises BrokerUnavailable or BackendUnavailable: then they are held as before.
    """
    found = hands.let_go([token for token, _ in settled])
    endings = [ending for _, ending in settled]
    ours = [(held, end) for held, end in zip(found, endings, strict=True) if held is not None]
    try:
        kept = _carried(store, custody, hands, ours)
    except BaseException:
        hands.take_back([held for held, _ in ours])
        raise
    if any(not isinstance(ending, Done) for _, ending in ours):
        store.stir()
    return [held is not None and held.token in kept for held in found]


def _carried(
    store: VirtualStore, custody: Custody, hands: Hands, ours: Sequence[_Ending]
) -> set[Token]:
    carrier, now = store.consuming, store.clock.now()
    carries = any(not isinstance(ending, Done) for _, ending in ours)
    # Nothing may be carried again by whom others take for dead.
    if custody.keeps and carries and not custody.renew():
        hands.begin()
        return set()
    here = [(held.parcel, ending) for held, ending in ours if held.parcel is not None]
    letters = [
        letter
        for held, ending in ours
        if (held.parcel is None or not _stays(ending)) and (letter := letter_of(held, ending, now))
    ]
    carrier.put(letters)
    struck = custody.strike([held.key for held, _ in ours if held.key])
    keys = iter(struck)
    kept = {held.token for held, _ in ours if not held.key or next(keys)}
    carrier.done([parcel for parcel, end in here if not _stays(end)])
    carrier.back([parcel for parcel, end in here if isinstance(end, Requeue) and _stays(end)])
    carrier.hide([(parcel, end.until) for parcel, end in here if isinstance(end, Park)], now)
    return kept


def _stays(ending: Disposition) -> bool:
    """Tell whether a parcel that its transport still has can stay there."""
    return isinstance(ending, Park) or (isinstance(ending, Requeue) and not ending.crashed)
