"""`celeriac upgrade settings`: old names of settings become today's, and nothing else changes."""

from pathlib import Path

import pytest

from celeriac.domain.settings.rewriting import rewritten

from .conftest import CeleriacCommand

OLD = """\
# CELERYD_CONCURRENCY is low\r
BROKER_URL = 'redis://'
CELERY_RESULT_BACKEND = BROKER_URL
MY_BROKER_URL = CELERY_IMPORTS_OF_MINE = 3
app.conf.CELERYBEAT_SCHEDULE = {}
"""
NEW = """\
# worker_concurrency is low\r
broker_url = 'redis://'
result_backend = broker_url
MY_BROKER_URL = CELERY_IMPORTS_OF_MINE = 3
app.conf.beat_schedule = {}
"""
DJANGO = """\
# CELERY_WORKER_CONCURRENCY is low\r
CELERY_BROKER_URL = 'redis://'
CELERY_RESULT_BACKEND = CELERY_BROKER_URL
MY_BROKER_URL = CELERY_IMPORTS_OF_MINE = 3
app.conf.CELERY_BEAT_SCHEDULE = {}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "settings.py"
    made.write_bytes(OLD.encode())
    return made


def test_old_names_become_new_and_the_file_as_it_was_is_kept(celeriac: CeleriacCommand, file: Path):
    done = celeriac("upgrade", "settings", str(file))

    assert done.exit_code == 0
    assert file.read_bytes() == NEW.encode()
    assert file.with_name("settings.py.orig").read_bytes() == OLD.encode()


@pytest.mark.parametrize("flag", ["--django", "--compat"])
def test_in_django_projects_names_keep_the_prefix(celeriac: CeleriacCommand, file: Path, flag: str):
    done = celeriac("upgrade", "settings", "--no-backup", flag, str(file))

    assert done.exit_code == 0
    assert file.read_bytes() == DJANGO.encode()
    assert list(file.parent.iterdir()) == [file]


def test_what_is_right_is_left_alone(celeriac: CeleriacCommand, file: Path):
    file.write_text(NEW)

    done = celeriac("upgrade", "settings", str(file))

    assert (done.exit_code, "Nothing to change" in done.output) == (0, True)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("prefix", ["", "CELERY_"])
def test_a_second_time_changes_nothing(prefix: str):
    once = rewritten(OLD, prefix=prefix)

    assert rewritten(once, prefix=prefix) == once


def test_a_file_that_is_not_there_or_no_text_is_refused(celeriac: CeleriacCommand, tmp_path: Path):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")

    missing = celeriac("upgrade", "settings", str(tmp_path / "none.py"))
    picture = celeriac("upgrade", "settings", str(tmp_path / "picture.png"))

    assert (missing.exit_code, picture.exit_code) == (1, 1)
    assert "none.py: No such file" in missing.output
    assert "is no text in UTF-8" in picture.output
