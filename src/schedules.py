"""Schedules under Celery's names."""

from .domain.schedules import (
    CRON_DAYS_IN_MONTH,
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

__all__ = [
    "CRON_DAYS_IN_MONTH",
    "CRON_REPR",
    "BaseSchedule",
    "ParseException",
    "cronfield",
    "crontab",
    "crontab_parser",
    "maybe_schedule",
    "schedstate",
    "schedule",
]
