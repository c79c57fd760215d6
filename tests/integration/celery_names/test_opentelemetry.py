"""OpenTelemetry's instrumentation of Celery, as it is on PyPI, traces our tasks."""

import json
import os
import subprocess
import sys

from tests.integration.cli.running import ROOT

TRACED = """
import celeriac; celeriac.install_as_celery()
import json
from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from celery import Celery
from celeriac.entrypoints.testing import running_worker

exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
CeleryInstrumentor().instrument(skip_dep_check=True)
app = Celery("shop", broker="memory://", backend="memory://")

@app.task
def add(x, y):
    return x + y

@app.task
def fail():
    raise KeyError("gone")

with running_worker(app):
    add.delay(1, 2).get(timeout=20)
    fail.delay().get(timeout=20, propagate=False)
    (add.s(1, 1) | add.s(1)).delay().get(timeout=20)

print(json.dumps([
    [span.name, span.status.status_code.name, span.attributes.get("celery.state"),
     [event.name for event in span.events], span.context.trace_id,
     span.parent.span_id if span.parent else None, span.context.span_id]
    for span in exporter.get_finished_spans()
]))
"""


def test_spans_of_sending_and_running_are_linked_and_tell_what_came_of_it():
    done = subprocess.run(
        [sys.executable, "-c", TRACED],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Signal handler" not in done.stderr
    assert "Failed to detach" not in done.stderr
    spans = json.loads(done.stdout)
    told = sorted((span[:4] for span in spans), key=str)
    sent = ["apply_async/shop.add", "UNSET", None, []]
    ran = ["run/shop.add", "UNSET", "SUCCESS", []]
    assert told == [
        *[sent] * 3,
        ["apply_async/shop.fail", "UNSET", None, []],
        *[ran] * 3,
        ["run/shop.fail", "ERROR", "FAILURE", ["exception"]],
    ]
    ids = {span[6]: span for span in spans}
    for name, *_, trace_id, parent, _ in spans:
        if name.startswith("run/"):
            assert ids[parent][0] == name.replace("run/", "apply_async/")
            assert ids[parent][4] == trace_id


APP = """
import json
from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

def line(span):
    parent = span.parent.span_id if span.parent else None
    return json.dumps([span.name, span.context.trace_id, span.context.span_id, parent]) + "\\n"

provider = TracerProvider()
exporter = ConsoleSpanExporter(out=open("spans", "a"), formatter=line)
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
CeleryInstrumentor().instrument(skip_dep_check=True)
from celery import Celery

STORE = "sqlite:///celeriac.sqlite3"
app = Celery("traced", broker=STORE, backend=STORE)

@app.task
def add(x, y):
    return x + y
"""
CLIENT = "from traced import add; print((add.s(1, 1) | add.s(2)).delay().get(timeout=20))"


def test_a_trace_goes_on_in_the_processes_of_a_worker_and_through_its_chains(place):
    (place.folder / "traced.py").write_text(APP)
    environ = {"CELERIAC_AS_CELERY": "1"}
    worker = place.start("-A", "traced", "worker", "-l", "INFO", "-c", "2", environ=environ)
    worker.until_it_says(" ready.")

    done = subprocess.run(
        [sys.executable, "-c", CLIENT],
        cwd=place.folder,
        env=place._environ(environ),
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    worker.stop()

    assert done.stdout.strip() == "4", done.stderr
    spans = [json.loads(line) for line in (place.folder / "spans").read_text().splitlines()]
    names = {span_id: name for name, _, span_id, _ in spans}
    assert sorted((name, names.get(parent, "")) for name, _, _, parent in spans) == [
        ("apply_async/traced.add", ""),
        ("apply_async/traced.add", "run/traced.add"),
        ("run/traced.add", "apply_async/traced.add"),
        ("run/traced.add", "apply_async/traced.add"),
    ]
    assert len({trace for _, trace, _, _ in spans}) == 1
