"""Sentry's integration of Celery, as it is on PyPI, sees our tasks: publisher, worker and beat."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.cli.running import Place, eventually

APP = """
import json, os
import sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.transport import Transport

class ToFile(Transport):
    def capture_envelope(self, envelope):
        with open("envelopes", "a") as file:
            for item in envelope.items:
                line = [item.type, item.payload.json, os.getpid()]
                file.write(json.dumps(line, default=str) + "\\n")

sentry_sdk.init(
    dsn="https://key@sentry.example/1",
    transport=ToFile,
    traces_sample_rate=1.0,
    send_default_pii=True,
    integrations=[CeleryIntegration(monitor_beat_tasks=True)],
)
from celery import Celery, Task, group

app = Celery("seen")
app.conf.beat_schedule = {"minutely": {"task": "seen.add", "schedule": 60, "args": [1, 2]}}
app.conf.beat_max_loop_interval = 0.2
STORE = "sqlite:///celeriac.sqlite3"
app.conf.update(broker_url=STORE, result_backend=STORE)

@app.task
def add(x, y):
    return x + y

@app.task
def fail(order, cents=0):
    raise KeyError("gone")

@app.task
async def fail_later():
    raise ValueError("a coroutine's")

class Careful(Task):
    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs)

@app.task(base=Careful)
def fail_carefully():
    raise RuntimeError("called")

@app.task(throws=LookupError)
def expected():
    raise LookupError("nothing to see")
"""

CLIENT = """
from seen import *

def came_to(result):
    try:
        return result.get(timeout=20)
    except Exception as error:
        return repr(error)

with sentry_sdk.start_transaction(name="client") as transaction:
    print(transaction.trace_id)
    print(came_to((add.s(1, 1) | add.s(1)).delay()))
    print(came_to(fail.delay(7, cents=300)))
    print(came_to(fail_later.delay()))
    print(came_to(fail_carefully.delay()))
    print(came_to(expected.delay()))
    print(came_to(group(add.s(n, n) for n in range(2)).delay()))
"""

AS_CELERY = {"CELERIAC_AS_CELERY": "1", "PYTHONWARNINGS": "ignore"}


@pytest.fixture
def seen(place: Place) -> Place:
    (place.folder / "seen.py").write_text(APP)
    (place.folder / "client.py").write_text(CLIENT)
    return place


def told(place: Place, kind: str) -> list[dict[str, Any]]:
    file = place.folder / "envelopes"
    lines = file.read_text().splitlines() if file.exists() else []
    items = [json.loads(line) for line in lines if line.endswith("]")]
    return [{**payload, "pid": pid} for type_, payload, pid in items if type_ == kind]


def worker(place: Place, *words: str) -> Any:
    program = place.start("-A", "seen", "worker", "-l", "INFO", *words, environ=AS_CELERY)
    program.until_it_says(" ready.")
    return program


def client(place: Place) -> list[str]:
    done = subprocess.run(
        [sys.executable, "client.py"],
        cwd=place.folder,
        env=place._environ(AS_CELERY),
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def operations(transaction: dict[str, Any]) -> list[str]:
    return [span["op"] for span in transaction["spans"]]


@pytest.mark.parametrize("pool", ["prefork", "asyncio"])
def test_sentry_sees_runs_and_failures_as_parts_of_the_senders_trace(seen, pool):
    program = worker(seen, "-P", pool, "-c", "2")

    trace, *results = client(seen)
    program.stop()

    assert results == [
        "3",
        "KeyError('gone')",
        'ValueError("a coroutine\'s")',
        "RuntimeError('called')",
        "LookupError('nothing to see')",
        "[0, 2]",
    ]
    runs = [run for run in told(seen, "transaction") if run["transaction"] != "client"]
    assert sorted((run["transaction"], run["contexts"]["trace"]["status"]) for run in runs) == [
        *[("seen.add", "ok")] * 4,
        ("seen.expected", "internal_error"),
        ("seen.fail", "internal_error"),
        ("seen.fail_carefully", "internal_error"),
        ("seen.fail_later", "internal_error"),
    ]
    assert {run["contexts"]["trace"]["trace_id"] for run in runs} == {trace}
    errors = told(seen, "event")
    shown = {
        (error["exception"]["values"][-1]["type"], error["extra"]["celery-job"]["task_name"])
        for error in errors
    }
    assert shown == {
        ("KeyError", "seen.fail"),
        ("ValueError", "seen.fail_later"),
        ("RuntimeError", "seen.fail_carefully"),
    }
    assert len(errors) == 3, "what the worker logs is not told a second time"
    of_fail = next(e for e in errors if e["extra"]["celery-job"]["task_name"] == "seen.fail")
    job = {"task_name": "seen.fail", "args": [7], "kwargs": {"cents": 300}}
    assert of_fail["extra"]["celery-job"] == job
    assert all(run["pid"] != program.pid for run in runs)
    shows_what_was_published(seen)


def shows_what_was_published(seen: Place) -> None:
    sent = next(t for t in told(seen, "transaction") if t["transaction"] == "client")
    assert operations(sent).count("queue.publish") == 7
    published = next(span for span in sent["spans"] if span["op"] == "queue.publish")
    assert published["data"]["messaging.system"] == "sql"
    assert published["data"]["messaging.destination.name"] == "celery"
    chained = [t for t in told(seen, "transaction") if "queue.publish" in operations(t)]
    assert {t["transaction"] for t in chained} == {"client", "seen.add"}
    ran = next(t for t in told(seen, "transaction") if t["transaction"] == "seen.fail")
    span = next(span for span in ran["spans"] if span["op"] == "queue.process")
    assert span["data"]["messaging.message.receive.latency"] > 0
    assert span["data"]["messaging.message.retry.count"] == 0


def test_sentry_is_checked_in_with_when_beat_sends_and_when_the_task_ends(seen):
    text = (seen.folder / "seen.py").read_text()
    (seen.folder / "seen.py").write_text(text.replace('"schedule": 60', '"schedule": SOON'))
    late = "import datetime\nfrom celery.schedules import crontab, schedule\n" + SOON
    (seen.folder / "seen.py").write_text(late + (seen.folder / "seen.py").read_text())
    working = worker(seen, "-c", "1")
    beat = seen.start("-A", "seen", "beat", "-l", "INFO", environ=AS_CELERY)

    eventually(has_status(seen, "ok"), lambda: str(seen))
    beat.stop(signal.SIGTERM)
    working.stop()

    begun, ended = told(seen, "check_in")[:2]
    assert begun["monitor_slug"] == ended["monitor_slug"] == "minutely"
    assert begun["check_in_id"] == ended["check_in_id"]
    assert (begun["status"], ended["status"]) == ("in_progress", "ok")
    assert begun["monitor_config"] == {
        "schedule": {"type": "interval", "value": 1, "unit": "minute"},
        "timezone": "UTC",
    }
    assert begun["pid"] == beat.pid
    assert ended["duration"] > 0


#: A schedule of a minute to whoever asks how long it is, that is due at once.
SOON = """
class Soon(schedule):
    def next_after(self, last, zone=None):
        return last + datetime.timedelta(seconds=1)

SOON = Soon(60)
"""


def has_status(place: Place, status: str) -> Callable[[], bool]:
    return lambda: any(item["status"] == status for item in told(place, "check_in"))
