"""Schedules by themselves: no app stands in for one that was not given."""

import pytest

from celeriac.domain.schedules import BaseSchedule


@pytest.fixture(autouse=True)
def nobody_stands_in(monkeypatch):
    monkeypatch.setattr(BaseSchedule, "default_app", None)
