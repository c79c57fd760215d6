"""Fire when the sun rises, sets, or stands highest at a place.

The sun is computed by `ephem`, an optional dependency. What must stay true: one event is one fire
time, although computed instants differ by fractions of a second from where the search begins.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from typing import Any, ClassVar, Final, NamedTuple

from ...domain.errors import MissingExtra
from ...domain.schedules import BaseSchedule

SOLAR_INVALID_LATITUDE: Final = "latitude is {lat}; expected degrees from -90 (south) to 90 (north)"
SOLAR_INVALID_LONGITUDE: Final = "longitude is {lon}; expected degrees from -180 (west) to 180"
SOLAR_INVALID_EVENT: Final = "solar event is {event!r}; expected one of {all_events}"
SOLAR_EPHEM_NOT_INSTALLED: Final = str(MissingExtra("a solar schedule", "solar", "ephem"))

#: Two searches find the same event within a few milliseconds.
_SAME: Final = timedelta(seconds=1)
#: No event comes twice within this time.
_BEYOND: Final = timedelta(minutes=1)


class _Event(NamedTuple):
    """What to ask of ephem: its method, the height of the sun, and of which part of the disc."""

    method: str
    horizon: str
    centre: bool


def _pair(rising: str, setting: str, horizon: str, centre: bool) -> dict[str, _Event]:
    return {
        rising: _Event("next_rising", horizon, centre),
        setting: _Event("next_setting", horizon, centre),
    }


#: At sunrise the upper edge is seen, which the air lifts by 34 minutes of arc.
_EVENTS: Final = {
    **_pair("dawn_astronomical", "dusk_astronomical", "-18", True),
    **_pair("dawn_nautical", "dusk_nautical", "-12", True),
    **_pair("dawn_civil", "dusk_civil", "-6", True),
    **_pair("sunrise", "sunset", "-0:34", False),
    "solar_noon": _Event("next_transit", "0", False),
}


class solar(BaseSchedule):
    """Celery's `solar`: at an event of the sun, such as `solar("sunset", -37.81, 144.96)`.

    Where an event does not come every day, as sunrise in the polar night, the next one is awaited.

    Args:
        event: `dawn_astronomical`, `dawn_nautical`, `dawn_civil`, `sunrise`, `solar_noon`,
            `sunset`, `dusk_civil`, `dusk_nautical` or `dusk_astronomical`.
        lat: Degrees north; south is negative.
        lon: Degrees east; west is negative.
        **kwargs: Those of every schedule: `nowfun`, `app`, `tz`.
    """

    #: How many days are searched at most; where none is found, it fires at the search's end.
    max_search_days: ClassVar[int] = 366

    def __init__(self, event: str, lat: float, lon: float, **kwargs: Any) -> None:
        """Look at the sun from there. Raises MissingExtra, and ValueError for what cannot be."""
        try:
            self.ephem = import_module("ephem")
        except ImportError as missing:
            raise MissingExtra("a solar schedule", "solar", "ephem") from missing
        super().__init__(**kwargs)
        if event not in _EVENTS:
            known = ", ".join(sorted(_EVENTS))
            raise ValueError(SOLAR_INVALID_EVENT.format(event=event, all_events=known))
        if not -90 <= lat <= 90:
            raise ValueError(SOLAR_INVALID_LATITUDE.format(lat=lat))
        if not -180 <= lon <= 180:
            raise ValueError(SOLAR_INVALID_LONGITUDE.format(lon=lon))
        self.event, self.lat, self.lon = event, lat, lon
        self.method, _, self.use_center = _EVENTS[event]
        self.cal = self._observer()

    def next_after(self, last: datetime, zone: tzinfo | None = None) -> datetime:
        """The first such event after `last`, in UTC; a naive `last` is read in the zone."""
        last = last if last.tzinfo else last.replace(tzinfo=self._zone(zone))
        start = last.astimezone(UTC)
        found = self._search(start)
        return self._search(found + _BEYOND) if found - start < _SAME else found

    def _search(self, start: datetime) -> datetime:
        sun, ephem = self.ephem.Sun(), self.ephem
        at = ephem.Date(start.replace(tzinfo=None))
        # Only risings and settings have a part of the disc to be asked for.
        part = {"use_center": True} if self.use_center else {}
        for _ in range(self.max_search_days):
            try:
                at = getattr(self.cal, self.method)(sun, start=at, **part)
                break
            except ephem.CircumpolarError:
                at = self.cal.next_antitransit(sun, start=at)
        found: datetime = at.datetime()
        return found.replace(tzinfo=UTC)

    def _observer(self) -> Any:
        place = self.ephem.Observer()
        place.lat, place.lon = str(self.lat), str(self.lon)
        place.elevation, place.pressure = 0, 0
        place.horizon = _EVENTS[self.event].horizon
        return place

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, solar):
            return NotImplemented
        return (self.event, self.lat, self.lon) == (other.event, other.lat, other.lon)

    def __hash__(self) -> int:
        return hash((self.event, self.lat, self.lon))

    def __repr__(self) -> str:
        return f"<solar: {self.event} at latitude {self.lat}, longitude: {self.lon}>"

    def __reduce__(self) -> tuple[Any, ...]:
        kept = {"nowfun": self.nowfun, "_tz": self._tz}
        state = {name: value for name, value in kept.items() if value is not None}
        return type(self), (self.event, self.lat, self.lon), state or None
