"""A Django project as Celery's guide has it: results and schedules are in Django's database."""

import json
import os
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from tests.integration.cli.running import ROOT, Place, eventually

SITE = Path(__file__).with_name("django_site")
WANTED = ("django", "django_celery_results", "django_celery_beat")
MISSING = [name for name in WANTED if util.find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.timeout(120),
]
VARIABLES = {"CELERIAC_AS_CELERY": "1", "DJANGO_SETTINGS_MODULE": "site1.settings"}


class DjangoSite(Place):
    """The project in a folder of its own, its tables made."""

    def __init__(self, folder):
        super().__init__(folder)
        shutil.copytree(SITE, folder, dirs_exist_ok=True)
        self.run_python("manage.py", "migrate", "--verbosity", "0")

    def command(self, *words):
        return self.start("-A", "site1", *words, "-l", "INFO", environ=VARIABLES)

    def run_python(self, *words):
        """Run a script of the project; return what it printed."""
        program = f"import celeriac, runpy, sys; sys.argv[:] = {words!r}; sys.path.insert(0, '.')"
        program += (
            f"; celeriac.install_as_celery(); runpy.run_path({words[0]!r}, run_name='__main__')"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=self.folder,
            env={**os.environ, **VARIABLES, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, f"{done.stderr}\n{self}"
        return done.stdout


@pytest.fixture
def site(tmp_path):
    if sys.platform != "linux":
        pytest.skip("looks for stragglers in /proc")
    site = DjangoSite(tmp_path)
    yield site
    site.close()
    assert site.left_over() == []


def test_tasks_use_the_models_and_results_are_rows(site):
    worker = site.command("worker", "-c", "2")
    worker.until_it_says(" ready.")

    seen = json.loads(site.run_python("buy.py"))

    assert seen == {
        "paid": 7,
        "flaky": "done",
        "failed": "ValueError",
        "group": [7, 7, 7],
        "chord": 21,
        "row": [["FAILURE", "()", True]],
        "committed": True,
    }
    assert worker.stop() == 0
    assert "wait for the store" not in worker.output


def test_what_a_row_plans_is_sent_and_its_results_say_by_whom(site):
    site.run_python("plan.py")
    worker, beat = site.command("worker", "-c", "1"), site.command("beat")

    eventually(
        lambda: json.loads(site.run_python("ticked.py")) >= [2, ["each second"]],
        lambda: str(site),
    )

    assert (beat.stop(), worker.stop()) == (0, 0)
