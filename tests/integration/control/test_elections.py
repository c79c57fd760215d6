"""Workers of both kinds elect one of them."""

from __future__ import annotations

from importlib import util

import pytest

from tests.integration.control.site import eventually

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]

ELECTIONS = """
import json, sys
from site_app import app, add
for n in range(4):
    app.control.election(f"{PREFIX}-{n}", "task", add.s(n, 1).set(task_id=f"{PREFIX}-{n}"))
results = [app.AsyncResult(f"{PREFIX}-{n}").get(timeout=20) for n in range(4)]
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def party(site):
    """One worker of Celery's, two of ours; each knows the two others."""
    nodes = {"theirs@h": "celery", "ours1@h": "celeriac", "ours2@h": "celeriac"}
    options = ("-P", "solo", "-l", "DEBUG", "--heartbeat-interval", "1")
    outputs = {node: site.worker(kind, node, *options) for node, kind in nodes.items()}
    for node, output in outputs.items():
        others = [f"{other} joined the party" for other in nodes if other != node]
        eventually(
            lambda output=output, others=others: all(one in output.read_text() for one in others),
            output.read_text,
        )
    return outputs


def won(outputs, id_):
    return [node for node, file in outputs.items() if f"I won the election '{id_}'" in told(file)]


def told(file):
    return file.read_text().replace('"', "'")


@pytest.mark.parametrize("kind", ["celery", "celeriac"])
def test_exactly_one_of_both_kinds_wins_and_runs_the_task(site, party, kind):
    results = site.script(kind, f"PREFIX = '{kind}'\n{ELECTIONS}")

    assert results == [1, 2, 3, 4]
    for number in range(4):
        id_ = f"{kind}-{number}"
        (winner,) = won(party, id_)
        others = [output for node, output in party.items() if node != winner]
        eventually(
            lambda id_=id_, winner=winner, others=others: all(
                f"node {winner}" in told(one) and f"elected for '{id_}'" in told(one)
                for one in others
            ),
            lambda others=others: [one.read_text() for one in others],
        )
        assert won(party, id_) == [winner]
