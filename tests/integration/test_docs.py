"""What the documentation shows works: its code is executed, its commands are run."""

import importlib.util
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.servers.sql import execute

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUNNER = Path(__file__).with_name("docs_page.py")
MARKED = re.compile(r"^<!-- (?:file|worker|beat|run)\b|^>>> ", re.MULTILINE)


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def carried_out(page: Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, str(RUNNER), str(page)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=55,
    )


@pytest.fixture(params=["postgresql", "mariadb"])
def database(request) -> Iterator[str]:
    """The URL of an empty database on a server."""
    server = make_url(request.getfixturevalue(f"{request.param}_url"))
    name = f"docs_{secrets.token_hex(6)}"
    shown = server.render_as_string(hide_password=False)
    execute(shown, f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    execute(shown, f"DROP DATABASE {name}")


@pytest.mark.parametrize(
    "page", [page for page in PAGES if MARKED.search(page.read_text())], ids=named
)
def test_a_page_does_what_it_says(page, tmp_path):
    done = carried_out(page, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs_server("postgresql", "mariadb")
def test_the_tutorial_holds_on_a_server_too(database, tmp_path):
    page = ROOT / "docs" / "tutorial" / "first-task.md"

    done = carried_out(
        page, tmp_path, CELERIAC_BROKER_URL=database, CELERIAC_RESULT_BACKEND=database
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "celeriac.sqlite3").exists()


@pytest.mark.needs_server("postgresql", "mariadb")
def test_enqueueing_in_a_transaction_holds_on_a_server_too(database, tmp_path):
    page = ROOT / "docs" / "how-to" / "enqueue-in-a-transaction.md"
    there = tmp_path / "page.md"
    there.write_text(page.read_text().replace("sqlite:///shop.sqlite3", database))

    done = carried_out(there, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "shop.sqlite3").exists()


def test_no_page_names_a_setting_that_does_not_exist():
    from celeriac import signals
    from celeriac.domain.settings.options import DEFAULTS

    prefixes = ("task", "worker", "beat", "broker", "result", "database")
    pattern = re.compile(rf"`((?:{'|'.join(prefixes)})_\w+)`")
    # What tasks, results and records have of their own, under names that begin alike.
    others = {"task_id", "task_name", "result_chord", "worker_pid"}
    unknown = {
        f"{named(page)}: {name}"
        for page in PAGES
        for name in pattern.findall(page.read_text())
        if name not in DEFAULTS and name not in others and not hasattr(signals, name)
    }

    assert unknown == set()


@pytest.fixture(name="reference", scope="module")
def the_generated_parts():
    path = ROOT / "docs" / "generated_reference.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("setting", "answer"),
    [
        ("task_default_queue", "yes"),
        ("redis_host", "yes"),  # read under a name in a table
        ("event_queue_ttl", "yes"),  # put together of two parts
        ("events_logfile", "yes"),
        ("worker_executable", "yes"),
        ("task_store_eager_result", "yes"),
        ("cassandra_servers", "not yet"),
        ("worker_eta_task_limit", "means nothing here: tasks that are not due wait in the broker"),
    ],
)
def test_the_reference_says_of_a_setting_what_comes_of_it(setting, answer, reference):
    assert reference.in_use(setting).partition(",")[0] == answer


def test_what_means_nothing_is_a_setting_that_nothing_reads(reference):
    from celeriac.domain.settings.options import DEFAULTS

    assert reference.MEANINGLESS.keys() <= DEFAULTS.keys()
    assert [name for name in reference.MEANINGLESS if reference.is_read(name)] == []
