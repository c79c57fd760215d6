"""A test-suite that uses celery.contrib.pytest, run by pytest as its project would."""

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.cli.running import ROOT

CONFTEST = """
import pytest

pytest_plugins = ("celery.contrib.pytest",)


@pytest.fixture(scope="session")
def celery_config():
    return {"task_default_queue": "tests", "result_extended": True}


@pytest.fixture(scope="session")
def celery_includes():
    return ["more_tasks"]
"""
MORE_TASKS = """
from celery import shared_task


@shared_task
def double(x):
    return 2 * x
"""
TESTS = """
import celery
import pytest
from celery import shared_task
from celery.contrib.testing import tasks
from celery.contrib.testing.manager import Manager
from celery.contrib.testing.worker import start_worker


@shared_task
def triple(x):
    return 3 * x


def test_app_and_worker(celery_app, celery_worker):
    @celery_app.task
    def add(x, y):
        return x + y

    assert add.delay(2, 2).get(timeout=10) == 4
    assert celery_app.conf.task_default_queue == "tests"


@pytest.mark.celery(result_backend="cache+memory://", task_default_queue="marked")
def test_marker(celery_app):
    assert celery_app.conf.task_default_queue == "marked"


def test_shared_and_included(celery_app, celery_worker):
    from more_tasks import double

    assert triple.delay(4).get(timeout=10) == 12
    assert double.delay(4).get(timeout=10) == 8


class TestSession:
    def test_session_worker(self, celery_session_app, celery_session_worker):
        assert celery_session_app.tasks["celery.ping"].delay().get(timeout=10) == "pong"

    def test_manager(self, celery_session_app, celery_session_worker):
        results = [celery_session_app.tasks["celery.ping"].delay() for _ in range(3)]
        manager = Manager(celery_session_app)

        assert [manager.join(result) for result in results] == ["pong"] * 3
        manager.assert_result_tasks_in_progress_or_completed(results)
        manager.wait_for(lambda: manager.true_or_raise(all, [r.ready() for r in results]), OSError)


def test_current_app(celery_app, depends_on_current_app):
    from celery import current_app

    assert current_app.main == celery_app.main == "celery.tests"


def test_start_worker(celery_app):
    with start_worker(celery_app, perform_ping_check=False, pool="threads", concurrency=2) as w:
        assert w.app is celery_app


def test_trap(celery_app):
    from celery import current_app
    from celery.contrib.testing.app import setup_default_app

    with setup_default_app(celery_app, use_trap=True):
        with pytest.raises(RuntimeError, match="depends on current_app"):
            current_app.main
"""
RUN = "import celeriac, pytest, sys; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))"


def test_a_suite_with_celerys_fixtures_passes(tmp_path: Path):
    for name, text in {
        "conftest.py": CONFTEST,
        "more_tasks.py": MORE_TASKS,
        "test_theirs.py": TESTS,
        "pytest.ini": "[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n",
    }.items():
        (tmp_path / name).write_text(text)

    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=tmp_path,
        env={**os.environ, "CELERIAC_AS_CELERY": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout
