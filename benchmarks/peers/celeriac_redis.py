"""celeriac on Redis, results stored, prefork 2."""

import os

from ._celeriac import make

_peer = make("celeriac Redis, results stored", __name__, os.environ["BENCH_REDIS"], "-c", "2")
globals().update(vars(_peer))
