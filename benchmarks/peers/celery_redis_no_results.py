"""Celery on Redis, no results, prefork 2."""

import os

from ._celery import make

_peer = make("Celery Redis, no results", __name__, os.environ["BENCH_REDIS"], results=False)
globals().update(vars(_peer))
