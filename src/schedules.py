"""Schedules under Celery's names."""

from .domain.schedules import (
    CRON_DAYS_IN_MONTH,
    CRON_INVALID_DATE,
    CRON_INVALID_TYPE,
    CRON_PATTERN_INVALID,
    CRON_REPR,
    BaseSchedule,
    ParseException,
    cronfield,
    crontab_parser,
    maybe_schedule,
    schedstate,
)
from .domain.schedules import Crontab as crontab
from .domain.schedules import Interval as schedule
from .entrypoints.library.current import get_current
from .entrypoints.library.solar import (
    SOLAR_EPHEM_NOT_INSTALLED,
    SOLAR_INVALID_EVENT,
    SOLAR_INVALID_LATITUDE,
    SOLAR_INVALID_LONGITUDE,
    solar,
)

__all__ = [
    "CRON_DAYS_IN_MONTH",
    "CRON_INVALID_DATE",
    "CRON_INVALID_TYPE",
    "CRON_PATTERN_INVALID",
    "CRON_REPR",
    "SOLAR_EPHEM_NOT_INSTALLED",
    "SOLAR_INVALID_EVENT",
    "SOLAR_INVALID_LATITUDE",
    "SOLAR_INVALID_LONGITUDE",
    "BaseSchedule",
    "ParseException",
    "cronfield",
    "crontab",
    "crontab_parser",
    "maybe_schedule",
    "schedstate",
    "schedule",
    "solar",
]

# As in Celery, a schedule that was bound to no app asks the current one what time it is.
BaseSchedule.default_app = staticmethod(get_current)
