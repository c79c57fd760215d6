"""When: intervals, crontabs, and the agenda from which beat reads what is due."""

from .agenda import BeatCore
from .crontab import Crontab
from .crontab_fields import (
    CRON_DAYS_IN_MONTH,
    CRON_INVALID_DATE,
    CRON_INVALID_TYPE,
    CRON_PATTERN_INVALID,
    CRON_REPR,
    ParseException,
    cronfield,
    crontab_parser,
)
from .interval import Interval, maybe_schedule
from .schedule import AppWithClock, BaseSchedule, Schedule, schedstate
from .ticks import All, CatchUp, Entry, Look, Once, Skip, Tick

__all__ = [
    "CRON_DAYS_IN_MONTH",
    "CRON_INVALID_DATE",
    "CRON_INVALID_TYPE",
    "CRON_PATTERN_INVALID",
    "CRON_REPR",
    "All",
    "AppWithClock",
    "BaseSchedule",
    "BeatCore",
    "CatchUp",
    "Crontab",
    "Entry",
    "Interval",
    "Look",
    "Once",
    "ParseException",
    "Schedule",
    "Skip",
    "Tick",
    "cronfield",
    "crontab_parser",
    "maybe_schedule",
    "schedstate",
]
