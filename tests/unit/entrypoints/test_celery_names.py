"""The table of Celery's names: everything in it is there, and is the same under both names."""

import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from celeriac.entrypoints.celery_names import MODULES, our_name

ROOT = Path(__file__).parents[3]


def run(code: str, **environ: str) -> str:
    """Run code in a process of its own: names are installed for a whole process."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_of_the_table_is_there(name):
    assert find_spec(our_name(f"celery{name}")) is not None


def test_a_module_is_the_same_object_under_both_names():
    different = run(
        "import importlib, celeriac\n"
        "from celeriac.entrypoints.celery_names import MODULES, our_name\n"
        "celeriac.install_as_celery()\n"
        "for name in MODULES:\n"
        "    if name in ('', '.__main__'): continue\n"
        "    theirs = importlib.import_module('celery' + name)\n"
        "    ours = importlib.import_module(our_name('celery' + name))\n"
        "    if theirs is not ours: print(name)\n"
        "    if ours.__spec__.name != our_name('celery' + name): print('spec of', name)\n"
    )

    assert different == ""


def test_a_class_is_one_class_however_it_was_imported():
    run(
        "import celeriac, celeriac.exceptions, celeriac.result, pickle\n"
        "celeriac.install_as_celery()\n"
        "import celery, celery.app.base, celery.app.task, celery.result\n"
        "from celery.exceptions import Retry, TimeoutError\n"
        "from celery import Celery, Task, group, chain, chord, signature, shared_task, schedules\n"
        "assert Celery is celery.app.base.Celery is celeriac.Celeriac\n"
        "assert Task is celery.app.task.Task is celeriac.Task\n"
        "assert Retry is celeriac.exceptions.Retry\n"
        "assert celery.result is celeriac.result\n"
        "assert celery.signals.task_prerun is celeriac.signals.task_prerun\n"
        "assert celery.VERSION >= (5, 1) and celery.__version__ >= '4.4.7'\n"
        "assert schedules.crontab is celery.schedules.crontab\n"
        "assert celery.registry.tasks is not None\n"
    )


def test_submodules_are_found_below_packages():
    run(
        "import celeriac; celeriac.install_as_celery()\n"
        "from celery.app import base, task\n"
        "from celery.contrib import abortable\n"
        "from celery.contrib.testing import manager, worker\n"
        "from celery.utils import log, time, text\n"
        "import celery.utils.log as again\n"
        "assert again is log\n"
    )


def test_a_name_that_is_not_there_is_not_found():
    said = run(
        "import celeriac; celeriac.install_as_celery()\n"
        "try:\n    import celery.worker.nothing\n"
        "except ModuleNotFoundError as error:\n    print(error.name.partition('.')[0])\n"
    )

    assert said == "celery"


def test_a_module_that_can_mean_nothing_here_says_why():
    said = run(
        "import celeriac\n"
        "celeriac.install_as_celery()\n"
        "try: import celery.concurrency.prefork\n"
        "except ModuleNotFoundError as why: print(why.name, why)\n"
    )

    assert said.startswith(
        "celery.concurrency.prefork No module named 'celery.concurrency.prefork'"
    )
    assert "name a pool by worker_pool or -P" in said


def test_a_worker_imports_nothing_of_what_only_celerys_names_lead_to():
    loaded = run(
        "import sys\n"
        "from celeriac import Celeriac\n"
        "from celeriac.entrypoints.testing import running_worker\n"
        "app = Celeriac('shop', broker='memory://', backend='memory://')\n"
        "add = app.task(name='add')(lambda x, y: x + y)\n"
        "with running_worker(app): assert add.delay(1, 2).get(timeout=20) == 3\n"
        "rare = ('surrounding', 'announcing', 'scheduler', 'schedule_entry', 'custom_backends')\n"
        "rare += ('task_requests', 'own_backend', 'foreign_scheduler', 'wrapped_scheduler')\n"
        "print([n for n in sys.modules if '.celery_modules' in n or n.endswith(rare)])\n"
    )

    assert loaded == "[]"


def test_it_is_installed_once_and_inherited():
    said = run(
        "import celeriac, os, subprocess, sys\n"
        "celeriac.install_as_celery(); celeriac.install_as_celery()\n"
        "print(sum(type(one).__name__ == 'CeleryNames' for one in sys.meta_path))\n"
        "child = 'import celeriac, celery; print(celery.Celery is celeriac.Celeriac)'\n"
        "sys.stdout.flush()\n"
        "subprocess.run([sys.executable, '-c', child], check=True)\n"
    )

    assert said.splitlines() == ["1", "True"]


@pytest.mark.parametrize("value", ["", "0"])
def test_a_variable_that_says_no_installs_nothing(value):
    said = run(
        "import sys, celeriac\n"
        "print(any(type(one).__name__ == 'CeleryNames' for one in sys.meta_path))",
        CELERIAC_AS_CELERY=value,
    )

    assert said == "False"


def test_the_variable_is_no_setting():
    said = run(
        "import celeriac; print(celeriac.Celeriac('a').conf.task_default_queue)",
        CELERIAC_AS_CELERY="1",
    )

    assert said == "celery"


def test_importing_costs_next_to_nothing():
    said = run(
        "import sys, celeriac\n"
        "print(len([name for name in sys.modules if name.startswith('celeriac')]))"
    )

    assert int(said) == 1


class TestStoredExceptions:
    """What is stored of our exceptions names Celery's module, and theirs are read as ours."""

    @pytest.mark.parametrize(
        "name", ["Retry", "TaskRevokedError", "ChordError", "NotRegistered", "TimeoutError"]
    )
    def test_both_know_the_same_ones(self, name):
        from celeriac.domain.tasks.failures import describe
        from celeriac.exceptions import __dict__ as ours

        stored = describe(ours[name]("why"))

        assert (stored["exc_type"], stored["exc_module"]) == (name, "celery.exceptions")
        assert getattr(import_module("celery.exceptions"), name)

    def test_theirs_are_read_as_ours(self):
        from celeriac.application.fetch_results import find_exception
        from celeriac.exceptions import TaskRevokedError

        assert find_exception("celery.exceptions", "TaskRevokedError") is TaskRevokedError


def test_the_installed_line_takes_the_names_only_where_it_is_asked_to():
    line = (ROOT / "extra" / "celeriac_as_celery.pth").read_text().strip()
    look = f"import sys\n{line}\nprint('celeriac' in sys.modules)"

    assert [run(look), run(look, CELERIAC_AS_CELERY="1")] == ["False", "True"]
    assert "\n" not in line
