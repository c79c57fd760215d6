"""Slots of single queues: at most so many of their tasks are in one worker's hands at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import ImproperlyConfigured

_EXPECTED = "expected a whole number of tasks, at least 1, such as mail=2"


@dataclass(frozen=True, slots=True)
class Claim:
    """What may be claimed in one go: up to `limit` messages out of any of these queues.

    The first `begin` of them would be run at once.
    """

    queues: Sequence[str]
    limit: int
    begin: int = 0


def told(words: Iterable[str]) -> tuple[list[str], dict[str, int]]:
    """Return the names and slots of queues written `mail` or `mail=2`.

    Raises ImproperlyConfigured.
    """
    names: list[str] = []
    slots: dict[str, int] = {}
    for word in words:
        name, equals, number = word.partition("=")
        names.append(name)
        if equals:
            if not name or not number.isdecimal() or int(number) < 1:
                raise ImproperlyConfigured(f"queue {word!r}: {_EXPECTED}")
            slots[name] = int(number)
    return names, slots


def checked(slots: Mapping[str, object]) -> dict[str, int]:
    """Return the slots of queues as a setting gives them. Raises ImproperlyConfigured."""
    out: dict[str, int] = {}
    for name, number in slots.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ImproperlyConfigured(f"worker_queue_slots has {name}={number!r}: {_EXPECTED}")
        out[name] = number
    return out


def claims(
    queues: Sequence[str],
    slots: Mapping[str, int],
    held: Mapping[str, int],
    room: int,
    begin: int = 0,
) -> list[Claim]:
    """Return what to claim, so that no queue has more in hand than its slots.

    Any of the queues of one claim may give all of it, so those with slots are claimed by the
    narrowest of them, and apart from those without.
    """
    if room <= 0 or not queues:
        return []
    left = {name: slots[name] - held.get(name, 0) for name in queues if name in slots}
    narrow = [name for name in queues if left.get(name, 0) > 0]
    wide = [name for name in queues if name not in left]
    out: list[Claim] = []
    if narrow:
        out.append(Claim(narrow, min(room, *(left[name] for name in narrow)), begin))
    if wide:
        out.append(Claim(wide, room, begin))
    return out


def one_claim(several: Sequence[Claim]) -> Claim:
    """Return one claim that keeps to the limits of all: for waiting until there is anything."""
    queues = [name for claim in several for name in claim.queues]
    return Claim(queues, min(claim.limit for claim in several), several[0].begin)
