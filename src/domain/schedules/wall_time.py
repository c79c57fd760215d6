"""What a zone's clocks show, and the instants at which they show it.

Clocks are put forward and back. A wall time may be shown by no instant (it falls into a gap) or
by two (it is repeated), so going from wall time to instant is a choice, and all of these choices
are made here. Instants are aware datetimes in UTC; wall times are naive.
"""

from datetime import UTC, datetime, timedelta, tzinfo

_SECOND = timedelta(seconds=1)


def as_instant(moment: datetime, zone: tzinfo) -> datetime:
    """The instant meant by ``moment``; without a zone of its own it is read in ``zone``."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def wall_time(instant: datetime, zone: tzinfo) -> datetime:
    """What clocks in ``zone`` show at ``instant`` (``fold`` is 1 when they show it again)."""
    return instant.astimezone(zone).replace(tzinfo=None)


def instants_showing(wall: datetime, zone: tzinfo) -> tuple[datetime, ...]:
    """Every instant at which clocks show ``wall``, in order: none, one or two."""
    first, second = _readings(wall, zone)
    readings = (first,) if first == second else (first, second)
    return tuple(reading for reading in readings if wall_time(reading, zone) == wall)


def first_instant_showing(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant that shows ``wall`` or, when none does, the first one after the gap."""
    first, second = _readings(wall, zone)
    if first == second or wall_time(first, zone) == wall:
        return first
    # Inside a gap the offset from before it lands behind the change, the one from after in front.
    return _clock_change(second, first, zone)


def start_of_repetition(instant: datetime, zone: tzinfo) -> datetime | None:
    """When clocks go back to show the time of ``instant`` again; None if they do not."""
    wall = wall_time(instant, zone)
    first, second = _readings(wall, zone)
    if wall.fold == 1 or second <= first:
        return None
    return _clock_change(first, second, zone)


def _readings(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return first, second


def _clock_change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The second after ``before``, at the latest ``after``, from which the new offset holds."""
    before, after = before.replace(microsecond=0), after.replace(microsecond=0)
    new_offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == new_offset:
            after = middle
        else:
            before = middle
    return after
