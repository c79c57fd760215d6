"""`celeriac graph` and `celeriac list`: what they find is what they print."""

import re

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.library.bootsteps import Step
from celeriac.entrypoints.testing import running_worker

from .conftest import CeleriacCommand


def edges(dot: str) -> set[tuple[str, str]]:
    return set(re.findall(r'^ +"(.+?)" -> "(.+?)" ', dot, re.MULTILINE))


def nodes(dot: str) -> dict[str, str]:
    """Return the label of each node, by its name."""
    drawn = re.findall(r'^ +"([^"]+)" \[(.*)\]$', dot, re.MULTILINE)
    found = {name: re.search(r'label="(.*?)"', rest) for name, rest in drawn}
    return {name: label[1] if label else name for name, label in found.items()}


class Extra(Step):
    requires = ("celery.worker.components:Pool",)


def test_the_steps_of_a_worker_are_drawn_with_those_of_the_app(
    celeriac: CeleriacCommand, app: Celeriac
):
    app.steps["worker"].add(Extra)

    whole = celeriac("graph", "bootsteps")
    consumer = celeriac("graph", "bootsteps", "consumer")

    assert whole.exit_code == 0
    assert whole.output.startswith("digraph dependencies {")
    assert {("Extra", "Pool"), ("Pool", "Hub"), ("Connection", "⧉Consumer")} <= edges(whole.output)
    assert ("Mingle", "Events") in edges(consumer.output)
    assert "Pool" not in nodes(consumer.output)


def test_the_workers_that_answer_are_drawn_with_their_slots(
    celeriac: CeleriacCommand, app: Celeriac
):
    with running_worker(app, hostname="one@here"):
        done = celeriac("graph", "workers", "--timeout", "5")

    assert done.exit_code == 0
    store = next(name for name in nodes(done.output) if name.startswith("memory:"))
    assert ("one@here", store) in edges(done.output)
    assert ("one@here slot 1", "one@here") in edges(done.output)


def test_facts_take_the_place_of_what_would_be_found(celeriac: CeleriacCommand):
    done = celeriac(
        *("graph", "workers", "nodes:web,mail", "threads:2"),
        *("broker:amqp://one", "backend:redis://two"),
    )

    workers = {("web", "amqp://one"), ("web", "redis://two")}
    slots = {(f"{name} slot {n}", name) for name in ("web", "mail") for n in (1, 2)}
    assert workers | slots <= edges(done.output)
    assert set(nodes(done.output)) == (
        {"amqp://one", "redis://two", "web", "mail"} | {slot for slot, _ in slots}
    )


def test_many_slots_are_drawn_as_one(celeriac: CeleriacCommand):
    done = celeriac("graph", "workers", "nodes:1", "threads:500", "generic")

    assert nodes(done.output)["celeriac1 slots"] == "500 slots"
    assert "Broker (memory://)" in nodes(done.output)


@pytest.mark.parametrize("word", ["colour:red", "threads:many", "nodes:", "plain"])
def test_a_fact_that_is_none_is_refused(celeriac: CeleriacCommand, word: str):
    done = celeriac("graph", "workers", "nodes:1", word)

    assert done.exit_code == 2
    assert "expected" in done.output


def test_bindings_are_those_of_the_apps_queues(celeriac: CeleriacCommand, app: Celeriac):
    app.conf.task_queues = {"mail": {"exchange": "post", "routing_key": "post.mail"}}

    done = celeriac("list", "bindings")

    rows = [line.split() for line in done.output.splitlines()]
    assert rows[0] == ["Queue", "Exchange", "Routing", "Key"]
    assert ["mail", "post", "post.mail"] in rows[2:]
    assert ["celery", "celery", "celery"] in rows[2:]
