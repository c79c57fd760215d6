"""Remote control, from the app that asks to the worker that answers, all in memory."""

from __future__ import annotations

import threading
import time

import pytest

from celeriac import Celeriac
from celeriac.application.commands import Panel, control_command, inspect_command
from celeriac.domain.cluster.speech import BusMessage
from celeriac.domain.errors import DuplicateNodenameWarning
from celeriac.entrypoints.library.control import flatten_reply
from celeriac.entrypoints.testing import running_worker
from tests.waiting import eventually

NODE = "w1@host"
#: What all questions here are asked with: the one worker there is answers.
ONE = {"timeout": 20, "limit": 1}


class Kitchen:
    """An app whose tasks wait until they are let go."""

    def __init__(self, app):
        self.app = app
        self.begun, self.let_go = threading.Semaphore(0), threading.Event()

        @app.task(name="cook", rate_limit=None)
        def cook(dish="soup", *, salt=1):
            self.begun.release()
            return self.let_go.wait(20)

        self.cook = cook

    def ask(self, command, **arguments):
        ((answer),) = self.app.control.broadcast(command, arguments, reply=True, **ONE)
        return answer[NODE]

    @property
    def inspect(self):
        return self.app.control.inspect(**ONE)


@pytest.fixture
def kitchen():
    app = Celeriac("kitchen", broker="memory://", backend="memory://", set_as_current=False)
    kitchen = Kitchen(app)
    with running_worker(app, hostname=NODE, concurrency=1, prefetch_multiplier=3):
        yield kitchen
        kitchen.let_go.set()
    app.close()


def test_what_runs_and_what_waits_is_shown(kitchen):
    running = kitchen.cook.delay("stew", salt=2)
    assert kitchen.begun.acquire(timeout=20)
    held = kitchen.cook.delay()
    eventually(lambda: kitchen.inspect.reserved()[NODE])

    ((active,),) = kitchen.inspect.active().values()
    ((reserved,),) = kitchen.inspect.reserved().values()
    query = kitchen.inspect.query_task([running.id, held.id, "unknown"])[NODE]

    assert (active["id"], active["args"], active["kwargs"]) == (running.id, ["stew"], {"salt": 2})
    assert active["time_start"] == pytest.approx(time.time(), abs=60)
    assert active["hostname"] == NODE
    assert reserved["id"] == held.id
    assert reserved["time_start"] is None
    assert {id_: where for id_, (where, _) in query.items()} == {
        running.id: "active",
        held.id: "reserved",
    }
    assert kitchen.inspect.active(safe=True)[NODE][0]["args"] == "('stew',)"


def test_rate_limited_tasks_are_shown_as_scheduled(kitchen):
    kitchen.let_go.set()
    assert kitchen.ask("rate_limit", task_name="cook", rate_limit="2/s") == {
        "ok": "new rate limit set successfully"
    }
    results = [kitchen.cook.delay() for _ in range(2)]

    eventually(
        lambda: kitchen.inspect.scheduled()[NODE] or all(result.ready() for result in results)
    )

    assert kitchen.cook.rate_limit == "2/s"
    assert kitchen.inspect.registered()[NODE] == ["cook [rate_limit=2/s]"]


@pytest.mark.parametrize(
    ("command", "arguments", "answer"),
    [
        ("ping", {}, {"ok": "pong"}),
        ("rate_limit", {"task_name": "bake", "rate_limit": "1/s"}, {"error": "unknown task"}),
        (
            "rate_limit",
            {"task_name": "cook", "rate_limit": 0},
            {"ok": "rate limit disabled successfully"},
        ),
        ("time_limit", {"task_name": "bake"}, {"error": "unknown task"}),
        (
            "time_limit",
            {"task_name": "cook", "soft": 1.5, "hard": 2},
            {"ok": "time limits set successfully"},
        ),
        ("pool_restart", {}, {"error": "ValueError('Pool restarts not enabled')"}),
        ("autoscale", {"max": 3, "min": 1}, {"error": "ValueError('Autoscale not enabled')"}),
        ("enable_events", {}, {"ok": "task events enabled"}),
        ("disable_events", {}, {"ok": "task events already disabled"}),
        ("heartbeat", {}, None),
        ("election", {"id": "e", "topic": "task"}, None),
        ("dump_revoked", {}, []),
        ("hello", {"from_node": NODE}, None),
        ("revoke", {"task_id": "t"}, {"ok": "tasks {'t'} flagged as revoked"}),
        ("revoke", {"task_id": []}, {"ok": "tasks set() flagged as revoked"}),
        ("terminate", {"signal": "KILL", "task_id": ["t"]}, {"ok": "terminate: tasks unknown"}),
        (
            "revoke_by_stamped_headers",
            {"headers": ["shop=a"]},
            {"ok": "headers {'shop': 'a'} flagged as revoked, but not terminated"},
        ),
        (
            "revoke_by_stamped_headers",
            {"headers": {"shop": ["a"]}, "terminate": True},
            {"ok": "headers {'shop': ['a']} were not terminated"},
        ),
    ],
)
def test_commands_answer_in_celerys_words(kitchen, command, arguments, answer):
    assert kitchen.ask(command, **arguments) == answer


@pytest.mark.parametrize(
    ("command", "arguments", "why"),
    [
        ("rate_limit", {"task_name": "cook", "rate_limit": "10/x"}, "Invalid rate limit string"),
        ("time_limit", {"task_name": "cook", "soft": "long"}, "expected seconds"),
        ("revoke", {"task_id": ["t"], "terminate": True, "signal": "SIGNOISE"}, "SIGNOISE"),
        ("revoke", {"task_id": [5]}, "expected a task id"),
        ("revoke", {}, "TypeError"),
        ("revoke_by_stamped_headers", {"headers": ["shop"]}, "name=value"),
        ("add_consumer", {"queue": "x", "exchange_type": "headers"}, "direct, topic or fanout"),
        ("pool_grow", {"n": "many"}, "Error"),
        ("dance", {}, "KeyError('dance')"),
    ],
)
def test_what_cannot_be_done_is_answered_with_its_error(kitchen, command, arguments, why):
    assert why in kitchen.ask(command, **arguments)["error"]
    assert kitchen.ask("ping") == {"ok": "pong"}


def test_a_waiting_task_is_taken_out_when_it_is_revoked(kitchen):
    kitchen.cook.delay()
    assert kitchen.begun.acquire(timeout=20)
    held, queued = [kitchen.cook.delay() for _ in range(2)], []
    queued += [kitchen.cook.delay() for _ in range(3)]
    eventually(lambda: len(kitchen.inspect.reserved()[NODE]) == 2)
    ids = [result.id for result in (*held, *queued)]

    kitchen.ask("revoke", task_id=ids)

    eventually(lambda: {result.state for result in (*held, *queued)} == {"REVOKED"})
    assert set(kitchen.inspect.revoked()[NODE]) == set(ids)


def test_tasks_are_revoked_by_stamps(kitchen):
    kitchen.app.control.revoke_by_stamped_headers({"menu": ["old"]}, reply=True, **ONE)

    result = kitchen.cook.apply_async(stamps={"menu": "old"}, stamped_headers=["menu"])

    eventually(lambda: result.state == "REVOKED")


def test_queues_are_added_and_left(kitchen):
    kitchen.let_go.set()

    added = kitchen.app.control.add_consumer("extra", reply=True, **ONE)
    done = kitchen.cook.apply_async(queue="extra").get(timeout=20)
    queues = [queue["name"] for queue in kitchen.inspect.active_queues()[NODE]]
    left = [kitchen.ask("cancel_consumer", queue=name) for name in queues]

    assert added == [{NODE: {"ok": "add consumer extra"}}]
    assert done is True
    assert queues == ["celery", "extra"]
    assert left == [{"ok": f"no longer consuming from {name}"} for name in queues]
    assert kitchen.inspect.active_queues() == {NODE: []}
    kitchen.ask("add_consumer", queue="celery")
    assert kitchen.cook.delay().get(timeout=20) is True


def test_slots_are_added_and_taken_away(kitchen):
    assert kitchen.ask("pool_grow", n=2) == {"ok": "pool will grow"}
    grown = kitchen.inspect.stats()[NODE]["pool"]["max-concurrency"]
    assert kitchen.ask("pool_shrink", n=1) == {"ok": "pool will shrink"}
    shrunk = kitchen.inspect.stats()[NODE]["pool"]["max-concurrency"]

    assert (grown, shrunk) == (3, 2)


def test_statistics_count_what_was_taken_in(kitchen):
    kitchen.let_go.set()
    kitchen.cook.delay().get(timeout=20)

    stats = kitchen.inspect.stats()[NODE]

    assert stats["total"] == {"cook": 1}
    assert stats["pool"]["implementation"].endswith(":ThreadsPool")
    assert stats["prefetch_count"] == 3
    assert stats["broker"]["transport"] == "memory"


def test_settings_hide_their_secrets():
    app = Celeriac("a", broker="memory://", set_as_current=False, redis_password="s3cret")
    with running_worker(app, hostname=NODE):
        conf = app.control.inspect(**ONE).conf()[NODE]
        report = app.control.inspect(**ONE).report()[NODE]["ok"]

    assert conf["redis_password"] == "********"
    assert "s3cret" not in report


def test_workers_that_come_learn_what_was_revoked(kitchen):
    answer = kitchen.inspect.hello("w2@host", ["a", "b"])[NODE]
    older = kitchen.inspect.hello("w3@host", {"c": [1.5, "c"]})[NODE]

    assert answer["revoked"] == ["a", "b"]
    assert older["revoked"] == ["a", "b", "c"]
    assert older["clock"] > answer["clock"]


@pytest.mark.parametrize("body", [None, "x", {"method": 5}, {"method": "ping", "matcher": "?"}])
def test_garbage_on_the_channel_stops_nobody(kitchen, body):
    garbage = BusMessage("celery.pidbox", body, headers={"clock": "noon"})
    kitchen.app.container.bus().broadcast([garbage])
    wrong = {"method": "ping", "pattern": "(", "matcher": "pcre"}
    kitchen.app.container.bus().broadcast([BusMessage("celery.pidbox", wrong)])

    assert kitchen.ask("ping") == {"ok": "pong"}


def test_users_add_commands_of_their_own(kitchen):
    @control_command(args=[("n", int)], signature="[N=1]", name="season")
    def season(state, n=1, **kwargs):
        """Add salt."""
        return {"ok": f"{state.hostname} of {state.app.main} takes {n}"}

    @inspect_command(alias="smell")
    def taste(state):
        return [{1, 2}, object]

    try:
        assert kitchen.ask("season", n=3) == {"ok": f"{NODE} of kitchen takes 3"}
        assert kitchen.ask("smell") == kitchen.ask("taste") == ["{1, 2}", "<class 'object'>"]
        assert Panel.meta["season"].help == "Add salt."
    finally:
        for name in ("season", "taste", "smell"):
            Panel.data.pop(name)
            Panel.meta.pop(name, None)


def test_nodes_are_chosen(kitchen):
    control = kitchen.app.control

    assert control.inspect(NODE, timeout=20).ping() == {"ok": "pong"}
    assert control.inspect(pattern="w?@*", matcher="glob", **ONE).ping() == {NODE: {"ok": "pong"}}
    assert control.inspect(pattern="x*", matcher="glob", timeout=0.05).ping() is None
    assert control.inspect(timeout=0.05).ping(destination=["no@h"]) is None
    with pytest.raises(ValueError, match="list of node names"):
        control.broadcast("ping", destination="w1@host")


def test_nodes_that_share_a_name_are_warned_of():
    with pytest.warns(DuplicateNodenameWarning, match="a@h"):
        assert flatten_reply([{"a@h": 1}, {"a@h": 2}, {"b@h": 3}]) == {"a@h": 2, "b@h": 3}


def test_a_namespace_of_its_own_keeps_sites_apart():
    app = Celeriac("a", broker="memory://", set_as_current=False, control_exchange="other")
    with running_worker(app, hostname=NODE):
        assert app.control.ping(**ONE) == [{NODE: {"ok": "pong"}}]
        app.conf.control_exchange = "celery"
        assert app.control.ping(timeout=0.05) == []
