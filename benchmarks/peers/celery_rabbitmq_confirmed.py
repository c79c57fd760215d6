"""Celery on RabbitMQ, no results, with publisher confirms, which celeriac always asks for."""

import os

from ._celery import make

_name = "Celery RabbitMQ, no results, confirmed"
_peer = make(_name, __name__, os.environ["BENCH_RABBITMQ"], results=False)
_peer.app.conf.broker_transport_options = {"confirm_publish": True}
globals().update(vars(_peer))
