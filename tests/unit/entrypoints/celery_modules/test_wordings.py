"""The wording of a worker's lines about tasks, as projects change it in `celery.app.trace`."""

import logging

import pytest

from celeriac import Celeriac
from celeriac.application import work_log
from celeriac.entrypoints.celery_modules import app_trace
from celeriac.entrypoints.testing import running_worker


@pytest.fixture(autouse=True)
def as_before():
    yield
    work_log.word({})


def lines_of(caplog, body):
    """Run one task, whatever comes of it; return what the worker said."""
    caplog.set_level(logging.INFO)
    with Celeriac("a", broker="memory://", backend="memory://", set_as_current=False) as app:
        task = app.task(name="a.note")(body)
        with running_worker(app):
            sent = task.delay("x")
            sent.get(timeout=10, propagate=False)
    return sent.id, [record.getMessage() for record in caplog.records]


def test_a_success_is_told_in_the_words_of_the_project(caplog, monkeypatch):
    monkeypatch.setattr(app_trace, "LOG_SUCCESS", "%(name)s done: %(return_value)s <- %(args)s")
    monkeypatch.setattr(app_trace, "LOG_RECEIVED", "%(name)s is here: %(id)s")

    id_, lines = lines_of(caplog, lambda x: 2 * x)

    assert "a.note done: 'xx' <- ('x',)" in lines
    assert f"a.note is here: {id_}" in lines


def test_a_failure_keeps_its_traceback_below(caplog, monkeypatch):
    monkeypatch.setattr(app_trace, "LOG_FAILURE", "%(name)s %(description)s %(exc)s!")

    _, lines = lines_of(caplog, lambda x: 1 / 0)

    (line,) = [line for line in lines if line.startswith("a.note raised ZeroDivisionError")]
    assert "!\nTraceback (most recent call last)" in line


def test_lines_stay_as_they_are_while_nobody_changes_them(caplog):
    id_, lines = lines_of(caplog, lambda x: x)

    assert app_trace.wordings() == {}
    assert any(line.startswith(f"Task a.note[{id_}] succeeded in ") for line in lines)


def test_a_wording_that_does_not_fit_is_named_and_left_out(caplog, monkeypatch):
    monkeypatch.setattr(app_trace, "LOG_SUCCESS", "%(nothing_of_that_name)s")

    id_, lines = lines_of(caplog, lambda x: x)

    assert any(
        "'%(nothing_of_that_name)s' of lines about tasks does not fit" in one for one in lines
    )
    assert any(line.startswith(f"Task a.note[{id_}] succeeded in ") for line in lines)
