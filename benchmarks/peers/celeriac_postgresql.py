"""celeriac on PostgreSQL, results stored, prefork 2."""

import os

from ._celeriac import make

_url = os.environ["BENCH_POSTGRESQL"]
_peer = make("celeriac PostgreSQL, prefork 2", __name__, _url, "-c", "2")
globals().update(vars(_peer))
