"""celeriac on its embedded default: SQLite, results stored, prefork 2."""

from benchmarks import counter

from ._celeriac import make

_url = f"sqlite:///{counter.path('celeriac.sqlite3')}"
_peer = make("celeriac SQLite, prefork 2", __name__, _url, "-c", "2")
globals().update(vars(_peer))
