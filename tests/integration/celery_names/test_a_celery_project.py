"""A project written for Celery, as it is: its worker, its beat, its clients, its signals."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from celeriac import Celeriac
from tests.integration.cli.running import ROOT, Place, eventually

SITE = Path(__file__).with_name("site")
#: Lets nobody import Celery itself, installed or not.
NO_CELERY = """
import sys

class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in ("celery", "kombu", "vine", "amqp"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

# Behind the names of ours, which an installed celeriac puts in place before this runs.
kinds = [type(finder).__name__ for finder in sys.meta_path]
sys.meta_path.insert(kinds.index("CeleryNames") + 1 if "CeleryNames" in kinds else 0, Absent)
"""
DRIVE = "import celeriac, runpy, sys; sys.path.insert(0, '.'); runpy.run_path('drive.py')"


class Site(Place):
    """The project in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        shutil.copytree(SITE, folder, dirs_exist_ok=True)
        (folder / "absent").mkdir()
        (folder / "absent" / "sitecustomize.py").write_text(NO_CELERY)
        self.environ = {"PYTHONPATH": str(folder / "absent")}

    def run_python(self, code: str, *, with_celery: bool = False, **environ: str) -> str:
        """Run code in the project's folder; return what it printed."""
        path = [] if with_celery else [str(self.folder / "absent")]
        own = {k: v for k, v in os.environ.items() if not k.startswith(("CELERY_", "CELERIAC_"))}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.folder,
            env={**own, **environ, "PYTHONPATH": os.pathsep.join([*path, str(ROOT)])},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def send_shop(self, name: str, *args: Any) -> str:
        """Send a task of the project from here; return its id."""
        url = f"sqlite:///{self.folder / 'shop.sqlite3'}"
        with Celeriac("client", broker=url, backend=url, set_as_current=False) as app:
            return app.send_task(name, args).id

    def diary(self) -> list[list[Any]]:
        file = self.folder / "diary.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def said(self, *line: Any) -> list[int]:
        """Return the processes that wrote this line, or one that begins so."""
        return [pid for pid, *words in self.diary() if words[: len(line)] == list(line)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    if sys.platform != "linux":
        pytest.skip("looks for stragglers in /proc")
    site = Site(tmp_path)
    try:
        yield site
    finally:
        site.close()
        left = site.left_over()
    assert left == []


def worked(site: Site, *words: str, **environ: str) -> dict[str, Any]:
    """Have a worker do what the project's client asks for; return what came of it."""
    worker = site.start(*words, environ={**site.environ, **environ})
    worker.until_it_says(" ready.")
    client = site.run_python(DRIVE, CELERIAC_AS_CELERY="1")
    assert worker.stop() == 0, str(worker)
    found: dict[str, Any] = json.loads(client)
    return found


class TestWorker:
    def test_an_unchanged_project_runs_where_celery_is_not_even_installed(self, site):
        said = worked(site, "--as-celery", "-A", "shop", "worker", "-l", "INFO")

        assert said == {
            "celery": "5.7.0",
            "module": "celeriac.entrypoints.library.app",
            "add": 5,
            "chain": 112,
            "group": [0, 2, 4],
            "class": 6,
            "retries": [2, "shop.tasks.flaky", "shop"],
            "failure": ["KeyError('gone')", "FAILURE", "FAILURE"],
        }

    def test_a_variable_does_what_the_flag_does(self, site):
        said = worked(
            site, "-A", "shop", "worker", "-l", "INFO", "-P", "threads", CELERIAC_AS_CELERY="1"
        )

        assert (said["add"], said["chain"], said["class"]) == (5, 112, 6)

    def test_signals_are_sent_in_the_process_they_are_about(self, site):
        worker = site.start(
            "--as-celery", "-A", "shop", "worker", "-l", "INFO", environ=site.environ
        )
        worker.until_it_says(" ready.")
        site.run_python(DRIVE, CELERIAC_AS_CELERY="1")
        hub, (child,) = worker.pid, site.said("worker_process_init")
        worker.stop()

        assert child != hub
        for life in ("celeryd_init", "worker_init", "worker_ready", "worker_shutdown"):
            assert site.said(life) == [hub], life
        assert hub in site.said("on_after_configure", "shop")
        assert child not in site.said("on_after_configure", "shop")
        assert site.said("worker_shutting_down", "SIGTERM", "Warm") == [hub]
        assert site.said("worker_process_shutdown") == [child]
        assert set(site.said("task_prerun", "shop.tasks.add")) == {child}
        assert site.said("task_retry", "shop.tasks.flaky") == [child, child]
        assert site.said("task_success", "shop.tasks.add", "112") == [child]
        assert site.said("task_failure", "shop.tasks.fail") == [child]
        assert len(site.said("task_postrun")) == len(site.said("task_prerun"))
        # The links of a chain follow from the result of the one before.
        assert site.said("after_task_publish", "shop.tasks.add").count(child) == 2

    def test_what_is_sent_when_the_worker_is_ready_is_run(self, site):
        worker = site.start("--as-celery", "-A", "shop", "worker", environ=site.environ)

        eventually(lambda: bool(site.said("note", "ready")), worker.__str__)

        assert worker.stop(signal.SIGINT) == 0

    def test_lines_of_a_projects_own_logger_name_their_task(self, site):
        worker = site.start(
            "--as-celery", "-A", "shop", "worker", "-l", "INFO", environ=site.environ
        )
        worker.until_it_says(" ready.")

        id_ = site.send_shop("shop.tasks.add", 1, 2)

        worker.until_it_says(f"[INFO] shop.tasks.add[{id_}]: adding 1 and 2")


class TestBeat:
    def test_a_schedule_in_settings_is_kept(self, site):
        worker = site.start("--as-celery", "-A", "shop", "worker", environ=site.environ)
        beat = site.start("--as-celery", "-A", "shop", "beat", "-l", "INFO", environ=site.environ)

        eventually(lambda: bool(site.said("note", "beat")), lambda: f"{worker}\n{beat}")

        assert site.said("beat_init") == [beat.pid]
        assert beat.stop() == 0
        assert worker.stop() == 0


class TestRefusals:
    def test_celery_imported_before_is_said(self, site):
        told = site.run_python(
            "import celery, celeriac\n"
            "from celeriac.exceptions import ImproperlyConfigured\n"
            "try:\n    celeriac.install_as_celery()\n"
            "except ImproperlyConfigured as error:\n    print(error)",
            with_celery=True,
        )

        assert "Celery itself was imported already" in told
        assert os.sep + "celery" + os.sep in told
