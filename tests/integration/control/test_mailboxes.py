"""Workers are reached through a mailbox of kombu's, over a connection of one's own."""

import pytest

pytestmark = pytest.mark.needs_server("redis")

NODE = "ours@h"

PING = """
import json, kombu
from site_app import app
url, options = app.conf.broker_url, app.conf.broker_transport_options
with kombu.Connection(url, transport_options=options) as connection:
    box = app.control.mailbox(connection)
    assert isinstance(box, app.control.Mailbox)
    said = [box.multi_call("ping", timeout=5, limit=1)]
    said.append(box.call(["ours@h"], "query_task", {"ids": ["nothing"]}, timeout=5))
print(json.dumps(said))
"""


def test_a_worker_answers_them(site):
    site.worker("celeriac", NODE, "-P", "solo")

    assert site.script("celeriac", PING) == [[{NODE: {"ok": "pong"}}], [{NODE: {}}]]
