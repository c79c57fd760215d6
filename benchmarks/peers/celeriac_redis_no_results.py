"""celeriac on Redis, no results, prefork 2."""

import os

from ._celeriac import make

_url = os.environ["BENCH_REDIS"]
_peer = make("celeriac Redis, no results", __name__, _url, "-c", "2", results=False)
globals().update(vars(_peer))
