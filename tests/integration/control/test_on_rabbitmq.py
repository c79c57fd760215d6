"""Remote control and events cross over on RabbitMQ as well."""

from __future__ import annotations

from importlib import util

import pytest

from tests.integration.control.site import Site

pytestmark = [
    pytest.mark.needs_server("rabbitmq"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]

NODES = {"ours@h", "theirs@h"}

HEAR = """
import json
from contextlib import nullcontext
from site_app import add, app
heard = set()
def hear(event):
    heard.add((event["hostname"], event["type"]))
with getattr(app, "connection", nullcontext)() as connection:
    receiver = app.events.Receiver(connection, handlers={"*": hear})
    for _ in receiver.itercapture(limit=None, timeout=20):
        add.delay(2, 3)
        if {(node, "task-succeeded") for node in ("ours@h", "theirs@h")} <= heard: break
print(json.dumps(sorted({node for node, _ in heard if not node.startswith("gen")})))
"""


@pytest.fixture(scope="module")
def site(rabbitmq_url, tmp_path_factory):
    """A worker of each kind."""
    site = Site(rabbitmq_url, "", tmp_path_factory.mktemp("site"))
    try:
        site.worker("celeriac", "ours@h", "-P", "threads", "-c", "1")
        site.worker("celery", "theirs@h", "-P", "threads", "-c", "1")
        yield site
    finally:
        site.close()


@pytest.mark.parametrize("kind", ["celery", "celeriac"])
def test_both_kinds_ask_both_kinds(site, kind):
    answers = site.asked(kind, "inspect", "-d", "ours@h,theirs@h", "-t", "10", "ping")

    assert answers == {node: {"ok": "pong"} for node in NODES}


@pytest.mark.parametrize("kind", ["celery", "celeriac"])
def test_both_kinds_hear_both_kinds(site, kind):
    assert set(site.script(kind, HEAR)) == NODES
