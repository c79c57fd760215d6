"""inspect, control and events, on an app that lives in memory."""

import json

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.cli.events import Dumper
from celeriac.entrypoints.testing import running_worker
from tests.unit.entrypoints.cli.conftest import CeleriacCommand

NODE = "one@here"


@pytest.fixture(autouse=True)
def worker(app: Celeriac):
    with running_worker(app, hostname=NODE):
        yield


def test_inspect_prints_what_each_node_says(celeriac: CeleriacCommand):
    done = celeriac("-C", "inspect", "-d", NODE, "registered", "max_retries")

    assert done.exit_code == 0
    assert done.output.splitlines() == [
        f"->  {NODE}: OK",
        "    * shop.add [max_retries=3]",
        "    * shop.fail [max_retries=3]",
        "",
        "1 node online.",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("inspect ping", [f"->  {NODE}: OK", "        pong"]),
        ("inspect active", [f"->  {NODE}: OK", "    - empty -"]),
        ("inspect query_task a b", [f"->  {NODE}: OK", "    {}"]),
        ("control pool_grow 2", [f"->  {NODE}: OK", "        pool will grow"]),
        ("control revoke t", [f"->  {NODE}: OK", "        tasks {'t'} flagged as revoked"]),
        ("control rate_limit shop.nothing 1/s", [f"->  {NODE}: ERROR", "        unknown task"]),
    ],
)
def test_answers_are_printed_as_celery_prints_them(
    celeriac: CeleriacCommand, words: str, said: list[str]
):
    kind, *rest = words.split()

    done = celeriac("-C", kind, "-d", NODE, *rest)

    assert done.exit_code == 0
    assert done.output.splitlines()[: len(said)] == said


def test_json_is_json(celeriac: CeleriacCommand):
    inspected = celeriac("inspect", "--json", "-d", NODE, "ping")
    told = celeriac("control", "--json", "-d", NODE, "time_limit", "shop.add", "1.5", "2")

    assert json.loads(inspected.output) == {NODE: {"ok": "pong"}}
    assert json.loads(told.output) == [{NODE: {"ok": "time limits set successfully"}}]


@pytest.mark.parametrize("kind", ["inspect", "control"])
def test_commands_are_listed(celeriac: CeleriacCommand, kind: str):
    done = celeriac(kind, "--list")

    assert done.exit_code == 0
    assert {"inspect": "active_queues", "control": "rate_limit <task_name>"}[kind] in done.output
    assert {"inspect": "rate_limit", "control": "active_queues"}[kind] not in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("inspect dance", "no such inspect command 'dance' (commands: active, "),
        ("inspect hello", "no such inspect command 'hello'"),
        ("control ping", "no such control command 'ping'"),
        ("control pool_grow many", "control pool_grow: n='many'"),
        ("inspect conf perhaps", "expected true or false"),
        ("inspect ping twice", "inspect ping takes no arguments: 'twice' is too much"),
        ("events", "needs a terminal: use --dump for lines, --camera for pictures"),
    ],
)
def test_a_wrong_command_line_is_refused(celeriac: CeleriacCommand, words: str, said: str):
    done = celeriac(*words.split())

    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


@pytest.mark.parametrize("words", ["inspect ping", "control enable_events"])
def test_nobody_answers_is_69(celeriac: CeleriacCommand, words: str):
    kind, name = words.split()

    done = celeriac(kind, "-t", "0.01", "-d", "nobody@here", name)

    assert done.exit_code == 69
    assert "no worker answered within 0.01 s" in done.output


def test_events_are_dumped_as_lines():
    lines: list[str] = []
    dumper = Dumper(lines.append)
    common = {"timestamp": 1795173758.5, "hostname": "w@h"}

    dumper.on_event({"type": "worker-online", **common, "freq": 2.0, "active": 0})
    call = {"name": "add", "args": "(1,)", "kwargs": "{}"}
    dumper.on_event({"type": "task-received", "uuid": "t", **common, **call, "retries": 0})
    dumper.on_event({"type": "task-started", "uuid": "t", **common})
    dumper.on_event({"type": "task-started", "uuid": "unseen", **common, "pid": 1})

    when = "2026-11-20 11:22:38.500000+00:00"
    assert lines == [
        f"w@h [{when}] started: active=0, freq=2.0",
        f"w@h [{when}] task received: add(t) args=(1,) kwargs={{}} retries=0",
        f"w@h [{when}] task started add(t) args=(1,) kwargs={{}} ",
        f"w@h [{when}] task started:  pid=1",
    ]
