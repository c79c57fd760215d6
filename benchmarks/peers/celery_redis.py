"""Celery on Redis, results stored, prefork 2."""

import os

from ._celery import make

_peer = make("Celery Redis, results stored", __name__, os.environ["BENCH_REDIS"])
globals().update(vars(_peer))
