"""Calls that are the same as one on its way, and what becomes of them: printed as JSON."""

import json
import sys
from pathlib import Path

from celery_once import AlreadyQueued
from shop import once, single

WAIT = 30
seen = {}
first = once.delay("one")
try:
    once.delay("one")
except AlreadyQueued:
    seen["once"] = "refused"
seen["graceful"] = once.apply_async(("one",), once={"graceful": True}).state
Path("one").touch()
seen["first"] = first.get(WAIT)

first, second = single.delay("two"), single.delay("two")
seen["single"] = first.id == second.id
Path("two").touch()
seen["second"] = second.get(WAIT)
json.dump(seen, sys.stdout)
