"""Sites that speak pickle and YAML, or say what they say elsewhere, are understood too."""

from __future__ import annotations

from importlib import util

import pytest

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]

NODES = {"ours@h", "theirs@h"}
SETTINGS = {
    "task_serializer": "pickle",
    "event_serializer": "yaml",
    "accept_content": ["pickle", "yaml"],
    "result_serializer": "pickle",
    "control_exchange": "shop",
    "event_exchange": "shopev",
}

HEAR = """
import json
from contextlib import nullcontext
from site_app import app
heard = set()
with getattr(app, "connection", nullcontext)() as connection:
    receiver = app.events.Receiver(connection, handlers={"*": lambda e: heard.add(e["hostname"])})
    for _ in receiver.itercapture(limit=None, timeout=20):
        if len(heard) == 2: break
print(json.dumps(sorted(heard)))
"""


@pytest.fixture(scope="module")
def odd_site(site):
    """A worker of each kind, with settings that few have."""
    site.settings = SETTINGS
    site.worker("celeriac", "ours@h", "-P", "threads", "-c", "1")
    site.worker("celery", "theirs@h", "-P", "threads", "-c", "1")
    return site


@pytest.mark.parametrize("kind", ["celery", "celeriac"])
def test_both_kinds_ask_both_kinds(odd_site, kind):
    answers = odd_site.asked(kind, "inspect", "-d", "ours@h,theirs@h", "-t", "10", "ping")

    assert answers == {node: {"ok": "pong"} for node in NODES}


@pytest.mark.parametrize("kind", ["celery", "celeriac"])
def test_both_kinds_hear_both_kinds(odd_site, kind):
    assert set(odd_site.script(kind, HEAR)) == NODES
