"""What the documentation shows works: its code is executed, its commands are run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUNNER = Path(__file__).with_name("docs_page.py")
MARKED = re.compile(r"^<!-- (?:file|worker|beat|run)\b|^>>> ", re.MULTILINE)


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(
    "page", [page for page in PAGES if MARKED.search(page.read_text())], ids=named
)
def test_a_page_does_what_it_says(page, tmp_path):
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))

    done = subprocess.run(
        [sys.executable, str(RUNNER), str(page)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=55,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_page_names_a_setting_that_does_not_exist():
    from celeriac.domain.settings.options import DEFAULTS

    prefixes = ("task", "worker", "beat", "broker", "result", "database")
    pattern = re.compile(rf"`((?:{'|'.join(prefixes)})_\w+)`")
    # What tasks, results and records have of their own, under names that begin alike.
    others = {"task_id", "task_failure", "task_name", "task_success", "result_chord"}
    unknown = {
        f"{named(page)}: {name}"
        for page in PAGES
        for name in pattern.findall(page.read_text())
        if name not in DEFAULTS and name not in others
    }

    assert unknown == set()
