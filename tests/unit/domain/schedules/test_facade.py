"""Celery's names for schedules."""

from celeriac import schedules
from celeriac.domain.schedules import Crontab, Interval


def test_celerys_names_are_our_schedules():
    assert schedules.crontab is Crontab
    assert schedules.schedule is Interval


def test_every_name_offered_is_there():
    assert [name for name in schedules.__all__ if not hasattr(schedules, name)] == []
