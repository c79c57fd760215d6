"""Workers of both kinds get to know each other."""

from __future__ import annotations

from importlib import util

import pytest

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]

REVOKE = """
import json
from site_app import app
app.control.revoke(["r1", "r2"], reply=True, limit=1, timeout=10)
print(json.dumps(None))
"""

REVOKED = """
import json, time
from site_app import app
inspect = app.control.inspect(timeout=5, limit=COUNT)
for _ in range(50):
    found = inspect.revoked() or {}
    if len(found) == COUNT and all(len(ids) == 2 for ids in found.values()): break
    time.sleep(0.1)
print(json.dumps({node: sorted(ids) for node, ids in found.items()}))
"""


def test_revoked_ids_go_from_one_kind_to_the_other_and_on(site):
    site.worker("celery", "theirs@h", "-P", "solo")
    site.script("celery", REVOKE)

    site.worker("celeriac", "ours@h", "-P", "solo")
    first = site.script("celery", f"COUNT = 2\n{REVOKED}")
    site.worker("celery", "theirs2@h", "-P", "solo")
    then = site.script("celeriac", f"COUNT = 3\n{REVOKED}")

    assert first == {"theirs@h": ["r1", "r2"], "ours@h": ["r1", "r2"]}
    assert then == {**first, "theirs2@h": ["r1", "r2"]}
