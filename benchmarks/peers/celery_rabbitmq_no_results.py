"""Celery on RabbitMQ, no results, prefork 2."""

import os

from ._celery import make

_peer = make("Celery RabbitMQ, no results", __name__, os.environ["BENCH_RABBITMQ"], results=False)
globals().update(vars(_peer))
