"""Work-flows that one library sends, and the workers of either, or both together, run on Redis."""

import json
import os
import runpy
import secrets
import shutil
import signal
import subprocess
import sys
from collections import Counter
from importlib import util
from pathlib import Path

import pytest

from tests.integration.cli.running import Place, Program, eventually

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
    pytest.mark.timeout(120),
]
APP = Path(__file__).with_name("mixed_app.py")
WORKERS = {
    "celery": "-P solo --without-gossip --without-mingle --without-heartbeat",
    "celeriac": "-c 2",
}


class MixedPlace(Place):
    """A folder with the app, and a queue and keys of its own on Redis."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self.app.close()
        shutil.copy(APP, folder / "mixed.py")
        name = f"mixed{secrets.token_hex(4)}"
        prefix = {"global_keyprefix": f"{name}-"}
        self.conf = {
            "broker_url": url,
            "result_backend": url,
            "task_default_queue": name,
            "broker_transport_options": prefix,
            "result_backend_transport_options": prefix,
            "broker_connection_retry_on_startup": True,
        }

    def environ(self, kind: str) -> dict[str, str]:
        path = {"PYTHONPATH": str(self.folder)}
        return self._environ({**path, "MIXED_KIND": kind, "MIXED_CONF": json.dumps(self.conf)})

    def mixed_worker(self, kind: str) -> Program:
        output = self.folder / f"{kind}.txt"
        words = f"-A mixed worker -l INFO -n {kind}@host {WORKERS[kind]}".split()
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", kind, *words],
                cwd=self.folder,
                env=self.environ(kind),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        program = Program(process, output)
        self._programs.append(program)
        program.until_it_says(" ready.", 40)
        return program

    def all_sent_by(self, kind: str, *names: str) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "mixed.py", *names],
            cwd=self.folder,
            env=self.environ(kind),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, f"{done.stderr}\n{self}"
        return dict(json.loads(done.stdout))


@pytest.fixture
def place(tmp_path: Path, redis_url: str):
    if sys.platform != "linux":
        pytest.skip("looks for stragglers in /proc")
    place = MixedPlace(tmp_path, redis_url)
    try:
        yield place
    finally:
        for program in place._programs:
            if program.process.poll() is None:
                program.stop(signal.SIGTERM)
        place.close()
        left = place.left_over()
    assert left == []


@pytest.mark.parametrize("by", ["celery", "celeriac"])
@pytest.mark.parametrize("workers", ["celery", "celeriac", "celery celeriac"])
def test_every_work_flow_comes_to_the_same(
    place: MixedPlace, monkeypatch: pytest.MonkeyPatch, workers: str, by: str
):
    if workers == by:
        pytest.skip("not mixed")
    monkeypatch.setenv("MIXED_KIND", "celeriac")
    monkeypatch.setenv("MIXED_CONF", "{}")
    expected = runpy.run_path(os.fspath(APP))["EXPECTED"]
    for kind in workers.split():
        place.mixed_worker(kind)

    came = place.all_sent_by(by)

    assert came == expected, str(place)
    eventually(lambda: len(place.marks()) >= 4, lambda: f"{place.marks()}\n{place}")
    said = Counter(line.split()[0] for line in place.marks())
    assert said == {"noted": 1, "mourned": 3, "totalled": 10}


@pytest.mark.parametrize("by", ["celery", "celeriac"])
@pytest.mark.parametrize("workers", ["celery", "celeriac", "celery celeriac"])
def test_chords_that_are_polled_for_in_a_database_are_completed_once(
    place: MixedPlace, monkeypatch: pytest.MonkeyPatch, workers: str, by: str
):
    if workers == by:
        pytest.skip("not mixed")
    monkeypatch.setenv("MIXED_KIND", "celeriac")
    monkeypatch.setenv("MIXED_CONF", "{}")
    expected = runpy.run_path(os.fspath(APP))["EXPECTED"]
    del expected["added to a header"]  # a database of Celery's cannot have a header grow
    place.conf["result_backend"] = f"db+sqlite:///{place.folder / 'results.sqlite3'}"
    place.conf["result_chord_retry_interval"] = 0.2
    place.conf["result_chord_polling"] = True
    del place.conf["result_backend_transport_options"]
    for kind in workers.split():
        place.mixed_worker(kind)

    came = place.all_sent_by(by, *expected)

    assert came == expected, f"{came}\n{place}"
    eventually(lambda: len(place.marks()) >= 4, lambda: f"{place.marks()}\n{place}")
    said = Counter(line.split()[0] for line in place.marks())
    assert said == {"noted": 1, "mourned": 3, "totalled": 9}
