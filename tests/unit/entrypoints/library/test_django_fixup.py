"""Apps within a Django project; each test is a process of its own, since Django is set up once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]

SETTINGS = """
from pathlib import Path
INSTALLED_APPS = ["goods"]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "db.sqlite3"}}
USE_TZ = True
SECRET_KEY = "x"
CELERY_BROKER_URL = CELERY_RESULT_BACKEND = "memory://"
"""
MODELS = """
from django.db import models

class Item(models.Model):
    name = models.CharField(max_length=9)
"""
TASKS = """
from celeriac import shared_task
from django.db import connection
from goods.models import Item

@shared_task
def look():
    opened = connection.connection is not None
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    return opened, connection.connection is not None, Item.__name__
"""
APP = """
from celeriac import Celeriac

app = Celeriac("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
"""
BEGIN = """
import warnings
from types import SimpleNamespace
from shop_app import app
from celeriac.entrypoints.testing import running_worker
from celeriac.signals import worker_init, worker_process_init

def begun():
    app.loader.import_default_modules()
    worker_init.send(sender=SimpleNamespace(app=app))
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "goods").mkdir()
    (tmp_path / "goods" / "__init__.py").touch()
    (tmp_path / "goods" / "models.py").write_text(MODELS)
    (tmp_path / "goods" / "tasks.py").write_text(TASKS)
    (tmp_path / "shop_settings.py").write_text(SETTINGS)
    (tmp_path / "shop_app.py").write_text(APP)
    return tmp_path


def run(project, code, **environ):
    named = {"DJANGO_SETTINGS_MODULE": "shop_settings", "PYTHONPATH": f"{ROOT}:{project}"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEGIN + code],
        env={**os.environ, **named, **environ},
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")


def test_django_is_set_up_before_tasks_are_imported_and_each_task_has_connections_of_its_own(
    project,
):
    said = run(
        project,
        "begun()\n"
        "from goods.tasks import look\n"
        "with running_worker(app, concurrency=1):\n"
        "    print(look.delay().get(timeout=20))\n"
        "    print(look.delay().get(timeout=20))\n",
    )

    assert said[:2] == ["[False, True, 'Item']"] * 2


def test_connections_are_kept_for_as_many_tasks_as_told(project):
    with (project / "shop_settings.py").open("a") as settings:
        settings.write("CELERY_DB_REUSE_MAX = 2\n")

    said = run(
        project,
        "begun()\n"
        "from goods.tasks import look\n"
        "with running_worker(app, concurrency=1):\n"
        "    print([look.delay().get(timeout=20)[0] for _ in range(4)])\n",
    )

    assert said[0] == "[False, True, False, True]"


def test_what_the_caller_runs_itself_keeps_the_callers_connection(project):
    said = run(
        project,
        "begun()\n"
        "from django.db import connection\n"
        "from goods.tasks import look\n"
        "connection.ensure_connection()\n"
        "print(look.apply().get()[0], connection.connection is not None)\n",
    )

    assert said[0] == "True True"


def test_a_process_of_the_pool_lets_go_of_what_it_inherited(project):
    said = run(
        project,
        "begun()\n"
        "from django.db import connection\n"
        "connection.ensure_connection()\n"
        "worker_process_init.send(sender='node')\n"
        "print(connection.connection)\n",
    )

    assert said[0] == "None"


def test_tasks_are_djangos_and_the_time_is_the_projects(project):
    said = run(
        project,
        "print(app.task_cls.__name__, app.loader.now().tzinfo, app.loader.now(utc=True).tzinfo)\n"
        "app.loader.import_default_modules()\n"
        "print(app.fixups[0].autodiscover_tasks())\n",
    )

    assert said[:2] == ["DjangoTask UTC UTC", "['goods']"]


def test_workers_of_another_app_are_left_alone(project):
    said = run(
        project,
        "app.loader.import_default_modules()\n"
        "worker_init.send(sender=SimpleNamespace(app=object()))\n"
        "print(app.fixups[0].worker_fixup.installed)\n",
    )

    assert said[0] == "False"


def test_what_djangos_checks_find_is_logged_unless_they_are_skipped(project):
    wrong = MODELS.replace("CharField(max_length=9)", "ForeignKey('Nothing', models.CASCADE)")
    (project / "goods" / "models.py").write_text(wrong)
    code = (
        "import logging, sys\n"
        "logging.basicConfig(stream=sys.stdout)\n"
        "app.fixups[0].worker_fixup.validate_models()\n"
    )

    assert "fields.E300" in "".join(run(project, code))
    assert run(project, code, CELERY_SKIP_CHECKS="1") == [""]


def test_without_django_a_warning_says_that_nothing_is_done(project):
    (project / "shop_app.py").write_text("app = None")

    said = run(
        project,
        "import sys; sys.modules['django'] = None\n"
        "from celeriac import Celeriac\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        "    warnings.simplefilter('always')\n"
        "    print(Celeriac('a').fixups)\n"
        "print(told[0].category.__name__, told[0].message)\n",
    )

    assert said[:2] == [
        "[None]",
        "FixupWarning DJANGO_SETTINGS_MODULE is set but Django is not installed: nothing is done "
        "for it",
    ]


def test_without_settings_of_djangos_nothing_of_it_is_imported(project):
    (project / "shop_app.py").write_text("app = None")

    said = run(
        project,
        "import sys\n"
        "from celeriac import Celeriac\n"
        "print(Celeriac('a').fixups, 'django' in sys.modules)\n",
        DJANGO_SETTINGS_MODULE="",
    )

    assert said[0] == "[] False"
