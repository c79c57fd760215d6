"""The state file: what one worker writes the next one reads, ours or Celery's."""

import dbm
import pickle
import subprocess
import sys
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from celeriac.adapters.host.state_file import DbmStateFile
from celeriac.domain.errors import StateUnreadable
from celeriac.ports.state_file import Remembered


def written(path: Path, **values: object) -> DbmStateFile:
    with closing(dbm.open(str(path), "c")) as file:
        for name, value in values.items():
            file[name.encode()] = pickle.dumps(value)
    return DbmStateFile(str(path))


def test_what_is_saved_is_there_the_next_time_in_its_order(tmp_path: Path):
    file = DbmStateFile(str(tmp_path / "deep" / "w.state"))

    file.save(Remembered({"b": 1.5, "a": 2.5}, clock=41))
    file.save(Remembered({"b": 1.5, "a": 2.5, "c": 3.0}, clock=42))

    found = DbmStateFile(str(tmp_path / "deep" / "w.state")).load()
    assert list(found.revoked.items()) == [("b", 1.5), ("a", 2.5), ("c", 3.0)]
    assert found.clock == 42


def test_where_there_is_no_file_nothing_is_remembered(tmp_path: Path):
    assert DbmStateFile(str(tmp_path / "w.state")).load() == Remembered()


@pytest.mark.parametrize("old", [{"a": 1.0}, {"a": {"inserted": 1.0}}])
def test_files_of_old_workers_of_celerys_are_read(tmp_path: Path, old: object):
    file = written(tmp_path / "w.state", revoked=old, clock=7)

    assert file.load() == Remembered({"a": 1.0}, clock=7)


def test_a_file_of_something_else_is_refused(tmp_path: Path):
    (tmp_path / "w.state").write_bytes(b"this is a shopping list, not a database\n" * 20)

    with pytest.raises(StateUnreadable, match=r"worker_state_db='.*w\.state': cannot be read"):
        DbmStateFile(str(tmp_path / "w.state")).load()


class Trap:
    """Does harm if it is unpickled."""

    def __reduce__(self):
        return (Path.touch, (Path("harm"),))


@pytest.mark.parametrize(
    "harmful", [{"clock": Trap()}, {"zrevoked": zlib.compress(pickle.dumps(Trap()))}]
)
def test_reading_runs_no_code(tmp_path: Path, harmful, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path / "w.state", **harmful)

    with pytest.raises(StateUnreadable, match="which is not read"):
        file.load()
    assert not (tmp_path / "harm").exists()


def test_what_cannot_be_read_is_replaced_when_there_is_something_to_save(tmp_path: Path):
    (tmp_path / "w.state").write_bytes(b"this is a shopping list, not a database\n" * 20)
    file = DbmStateFile(str(tmp_path / "w.state"))

    file.save(Remembered({"a": 1.0}, clock=2))

    assert file.load() == Remembered({"a": 1.0}, clock=2)


CELERY = """
import sys, time
from celery import Celery
from celery.utils.collections import LimitedSet
from celery.worker import state
from kombu.clocks import LamportClock

clock = LamportClock(initial_value=5)
db = state.Persistent(state, sys.argv[1], clock)
print(sorted(state.revoked), clock.value)
state.revoked.update(["by-celery"])
db.save()
"""


def celery_reads_and_adds(path: Path) -> str:
    """Have a worker state of Celery itself merge the file, revoke a task and save."""
    done = subprocess.run(
        [sys.executable, "-c", CELERY, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_celerys_workers_read_ours_and_we_read_theirs(tmp_path: Path):
    path = tmp_path / "w.state"
    file = DbmStateFile(str(path))
    now = 1e9  # in the monotonic future, so that Celery does not think it old
    file.save(Remembered({"by-us": now}, clock=40))

    assert celery_reads_and_adds(path) == "['by-us'] 41"

    found = file.load()
    assert set(found.revoked) == {"by-us", "by-celery"}
    assert found.clock >= 41
