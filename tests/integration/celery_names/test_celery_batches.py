"""celery-batches, as it is on PyPI, works in our workers."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.running import PATIENCE, Place, Program, eventually

APP = """
import os
from pathlib import Path
from celery import Celery
from celery_batches import Batches

app = Celery("batched")
STORE = "sqlite:///celeriac.sqlite3"
app.conf.update(broker_url=STORE, result_backend=STORE)

def answer(requests):
    for request in requests:
        value = [sum(request.args), len(requests), request.kwargs]
        app.backend.mark_as_done(request.id, value, request=request)

@app.task(base=Batches, flush_every=3, flush_interval=60)
def by_number(requests):
    answer(requests)

@app.task(base=Batches, flush_every=100, flush_interval=0.5)
def by_time(requests):
    answer(requests)

@app.task(base=Batches, flush_every=100, flush_interval=0.5, acks_late=True)
def late(requests):
    answer(requests)

@app.task(base=Batches, flush_every=2, flush_interval=60, acks_late=True)
def die_once(requests):
    if not Path("died").exists():
        Path("died").touch()
        os.kill(os.getpid(), 9)
    answer(requests)

@app.task(base=Batches, flush_every=100, flush_interval=60)
def never(requests):
    answer(requests)

@app.task
def add(x, y):
    return x + y
"""

CLIENT = """
import json, sys
from batched import *

def values(results):
    return [result.get(timeout=30) for result in results]

told = {
    "by_number": values([by_number.delay(n, 1, by="me") for n in range(3)]),
    "add": add.delay(1, 2).get(timeout=30),
    "late": values([late.apply_async((n,), countdown=0.2) for n in range(2)]),
    "by_time": values([by_time.delay(n) for n in range(2)]),
    "die_once": values([die_once.delay(n) for n in range(2)]) if "prefork" in sys.argv else [],
    "never": [never.delay(n).id for n in range(3)],
}
print(json.dumps(told))
"""


@pytest.fixture
def environ() -> dict[str, str]:
    found = importlib.util.find_spec("celery_batches")
    if found is None or found.origin is None:
        pytest.skip("needs celery-batches: pip install --no-deps celery-batches")
    folder = str(Path(found.origin).parents[1])
    return {"CELERIAC_AS_CELERY": "1", "PYTHONWARNINGS": "ignore", "PYTHONPATH": folder}


@pytest.fixture
def batched(place: Place) -> Place:
    (place.folder / "batched.py").write_text(APP)
    (place.folder / "client.py").write_text(CLIENT)
    return place


def worker(place: Place, environ: dict[str, str], pool: str) -> Program:
    program = place.start(
        *("-A", "batched", "worker", "-l", "INFO", "-c", "2", "-P", pool), environ=environ
    )
    program.until_it_says(" ready.")
    return program


def client(place: Place, environ: dict[str, str], pool: str) -> Any:
    code = "import celeriac; celeriac.install_as_celery(); exec(open('client.py').read())"
    done = subprocess.run(
        [sys.executable, "-c", code, pool],
        cwd=place.folder,
        env=place._environ(environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr}\n{place}"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_its_tasks_are_flushed_by_number_and_by_time_early_and_late(batched, environ, pool):
    program = worker(batched, environ, pool)

    told = client(batched, environ, pool)

    me = {"by": "me"}
    assert told["by_number"] == [[1, 3, me], [2, 3, me], [3, 3, me]]
    assert told["add"] == 3
    for name in ("by_time", "late"):  # one flush or two, as the timer has it
        assert [value[0] for value in told[name]] == [0, 1]
    if pool == "prefork":
        assert told["die_once"] == [[0, 2, {}], [1, 2, {}]]
    for id_ in told["never"]:
        program.until_it_says(f"never[{id_}] received")
    assert program.stop(signal.SIGTERM) == 0, str(program)
    broker = batched.app.broker
    left = sorted(message.id for message in broker.peek("celery", 9))
    assert left == sorted(told["never"]), str(program)
    assert broker.dead("celery", 9) == []


def test_its_tasks_come_again_when_a_whole_worker_dies_while_they_are_gathered(batched, environ):
    first = worker(batched, environ, "threads")
    sent = [batched.app.send_task("batched.by_number", (n,)) for n in range(2)]
    for result in sent:
        first.until_it_says(f"by_number[{result.id}] received")
    os.killpg(first.pid, signal.SIGKILL)
    first.exit_code()
    worker(batched, environ, "threads")

    sent.append(batched.app.send_task("batched.by_number", (2,)))

    eventually(lambda: all(result.ready() for result in sent), batched.__str__)
    assert [result.get()[:2] for result in sent] == [[0, 3], [1, 3], [2, 3]]
