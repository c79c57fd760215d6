"""The five fields of a crontab: what may be written in each, and the numbers it stands for.

A field is read to a frozen set of numbers that all lie in its range; whatever cannot be read raises
an error that names the field, the value and what was expected.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: What users may write in one field.
Cronspec = int | str | Iterable[int | str]

CRON_DAYS_IN_MONTH = dict(
    enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1),
)
CRON_REPR = (
    "<crontab: {0._orig_minute} {0._orig_hour} {0._orig_day_of_month} {0._orig_month_of_year} "
    "{0._orig_day_of_week} (m/h/dM/MY/d)>"
)

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_SHORTEST_NAME = 3
_RANGE = re.compile(r"(\w+)-(\w+)|\*")


#: What errors say, as templates for whoever reads schedules of his own.
CRON_PATTERN_INVALID = "{value} is out of range, which is {min} to {max}"
CRON_INVALID_TYPE = "a value of type {type}; expected an int, a string or an iterable of them"
CRON_INVALID_DATE = (
    "day_of_month is {day_of_month!r} and month_of_year is {month_of_year!r}: there is no such "
    "day, so the crontab would never fire"
)


class ParseException(ValueError):
    """A crontab field, or a crontab as a whole, that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, its range and the names that its numbers go by."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def read(self, spec: object) -> frozenset[int]:
        """The numbers that ``spec`` stands for."""
        match spec:
            case bool() | bytes():
                raise self._wrong_type(spec)
            case int():
                return frozenset({self._within(spec, spec)})
            case str():
                return frozenset(self._list(spec))
            case Iterable():
                return self._union(tuple(spec), spec)
            case _:
                raise self._wrong_type(spec)

    def _union(self, items: tuple[object, ...], spec: object) -> frozenset[int]:
        if not items:
            raise ParseException(f"{self.name} is empty ({spec!r}); expected {self._expected()}")
        if not all(isinstance(item, int | str) for item in items):
            raise self._wrong_type(spec)
        return frozenset[int]().union(*map(self.read, items))

    def _list(self, text: str) -> Iterable[int]:
        for part in text.split(","):
            yield from self._part(part.strip(), text)

    def _part(self, part: str, text: str) -> Iterable[int]:
        extent, slash, step = part.partition("/")
        if bounds := _RANGE.fullmatch(extent):
            numbers = self._range(bounds[1], bounds[2], text)
            return numbers[:: self._step(step, text)] if slash else numbers
        if slash:
            raise self._unreadable(text, "a step follows a range or a star, as in 0-10/2 or */2")
        return [self._number(part, text)]

    def _range(self, first: str | None, last: str | None, text: str) -> list[int]:
        if first is None or last is None:
            return list(range(self.low, self.high + 1))
        begin, end = self._number(first, text), self._number(last, text)
        if begin <= end:
            return list(range(begin, end + 1))
        return [*range(begin, self.high + 1), *range(self.low, end + 1)]

    def _step(self, step: str, text: str) -> int:
        if _is_number(step) and int(step) > 0:
            return int(step)
        raise self._unreadable(text, f"the step {step!r} is not a number of 1 or more")

    def _number(self, word: str, text: str) -> int:
        if _is_number(word):
            return self._within(int(word), text)
        if len(word) >= _SHORTEST_NAME:
            for position, name in enumerate(self.names):
                if name.startswith(word.lower()):
                    return self.low + position
        raise self._unreadable(text, f"{word!r} is neither a number nor a name" if word else "")

    def _within(self, number: int, spec: object) -> int:
        if self.low <= number <= self.high:
            return number
        wrong = CRON_PATTERN_INVALID.format(value=number, min=self.low, max=self.high)
        raise self._unreadable(spec, wrong)

    def _unreadable(self, spec: object, why: str) -> ParseException:
        reason = f" ({why})" if why else ""
        return ParseException(f"{self.name} is {spec!r}{reason}; expected {self._expected()}")

    def _wrong_type(self, spec: object) -> TypeError:
        wrong = CRON_INVALID_TYPE.format(type=type(spec).__name__)
        return TypeError(f"{self.name} is {spec!r}, {wrong}, and in it {self._expected()}")

    def _expected(self) -> str:
        names = f" or {self.names[0][:3]} to {self.names[-1][:3]}" if self.names else ""
        return f"*, */n, a, a-b, a-b/n or a list of these, with {self.low} to {self.high}{names}"


MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY_OF_WEEK = Field("day_of_week", 0, 6, _DAYS)
DAY_OF_MONTH = Field("day_of_month", 1, 31)
MONTH_OF_YEAR = Field("month_of_year", 1, 12, _MONTHS)


class crontab_parser:
    """Read one field by itself.

    Names of days are known where there are seven numbers from 0, names of months where there are
    twelve from 1.

    Args:
        max_: How many numbers there are.
        min_: The lowest of them.
    """

    ParseException = ParseException

    def __init__(self, max_: int = 60, min_: int = 0) -> None:
        self.max_ = max_
        self.min_ = min_
        names = {(7, 0): _DAYS, (12, 1): _MONTHS}.get((max_, min_), ())
        self._field = Field("crontab field", min_, min_ + max_ - 1, names)

    def parse(self, spec: str) -> set[int]:
        """The numbers that ``spec`` stands for."""
        return set(self._field.read(spec))


def cronfield(s: Cronspec | None) -> str:
    """A field as it is written in a crontab; a star for None."""
    match s:
        case None:
            return "*"
        case int() | str():
            return str(s)
        case _:
            return ",".join(map(str, s))


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()
