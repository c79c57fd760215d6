"""celeriac on RabbitMQ, no results, prefork 2."""

import os

from ._celeriac import make

_url = os.environ["BENCH_RABBITMQ"]
_peer = make("celeriac RabbitMQ, no results", __name__, _url, "-c", "2", results=False)
globals().update(vars(_peer))
