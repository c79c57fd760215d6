"""Work-flows that one of the two sends and the other runs, on Redis."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from celeriac import Celeriac, canvas
from celeriac.domain.canvas.signature import Signature
from celeriac.entrypoints.testing import running_worker
from tests.integration.canvas import layouts
from tests.unit.domain.canvas.flows import worth

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]
ROOT = Path(__file__).parents[3]
MODULE = "tests.integration.canvas.celery_flows"
WORKER = f"-m celery -A {MODULE} worker -P solo -l error --without-gossip --without-mingle"


@pytest.fixture
def app(redis_url: str) -> Iterator[Celeriac]:
    """An app of ours with the six tasks, under keys of its own."""
    options = {"global_keyprefix": f"flows-{secrets.token_hex(4)}-"}
    app = Celeriac(
        "flows",
        broker=redis_url,
        backend=redis_url,
        broker_transport_options=options,
        result_backend_transport_options=options,
        set_as_current=False,
    )
    for name in "abcdef":
        app.task(name=name)(lambda *args, name=name: [name, *args])
    yield app
    app.close()


@pytest.fixture
def environment(app: Celeriac) -> dict[str, str]:
    prefix = app.conf.broker_transport_options["global_keyprefix"]
    return {
        **os.environ,
        "FLOW_STORE": app.conf.broker_url,
        "FLOW_PREFIX": prefix,
        "PYTHONPATH": str(ROOT),
    }


def made(app: Celeriac, expression: str) -> Any:
    names = {name: app.tasks[name].s(number) for number, name in enumerate("abcdef")}
    return eval(expression, {**vars(canvas), **names})  # noqa: S307 - from our own table


def expected(app: Celeriac) -> dict[str, Any]:
    return {
        one: worth(Signature.from_dict(json.loads(json.dumps(made(app, one)))))
        for one in layouts.RUNNABLE
    }


def test_what_we_send_is_run_by_celerys_worker(app, environment):
    sent = {one: made(app, one).delay() for one in layouts.RUNNABLE}

    worker = subprocess.Popen(
        [sys.executable, *WORKER.split()], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        values = {one: result.get(timeout=40) for one, result in sent.items()}
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=30)

    assert values == expected(app)


def test_what_celery_sends_is_run_by_us(app, environment):
    with running_worker(app, concurrency=1):
        found = subprocess.run(
            [sys.executable, "-m", MODULE],
            env=environment,
            capture_output=True,
            text=True,
            timeout=55,
            check=False,
        )

    assert found.returncode == 0, found.stderr
    values = json.loads(found.stdout)
    for expression, value in expected(app).items():
        assert values[expression] == value, expression
