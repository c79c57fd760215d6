"""A worker names the settings that its pool cannot heed."""

import logging
import warnings

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults
from celeriac.entrypoints.library.key_value_backend import KeyValueStoreBackend
from celeriac.entrypoints.testing import running_worker
from celeriac.ports.results import ResultCapabilities

SETTINGS = {"worker_max_tasks_per_child": 10, "worker_max_memory_per_child": 50_000}


class Shelf(KeyValueStoreBackend):
    supports_failure_expires = True


def warnings_of(pool, caplog, **settings):
    caplog.clear()
    with (
        caplog.at_level(logging.WARNING, "celeriac.worker"),
        Celeriac("a", broker=MemoryBroker(), set_as_current=False, **settings) as app,
        running_worker(app, pool=pool),
    ):
        pass
    return [record.getMessage() for record in caplog.records if "effect" in record.getMessage()]


@pytest.mark.parametrize("pool", ["threads", "solo", "asyncio"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_limit_on_children_is_said_to_do_nothing_where_none_is_replaced(pool, setting, caplog):
    value = SETTINGS[setting]

    (said,) = warnings_of(pool, caplog, **{setting: value})

    assert said == (
        f"{setting}={value} has no effect: worker_pool={pool!r} does not replace processes as "
        "they age; 'prefork' does"
    )


class Unlike(MemoryResults):
    """Keeps what it is given in one place, as `rpc://` does."""

    capabilities = ResultCapabilities(persistent=False, keeps_failures_apart=False)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_lifetime_of_failures_is_said_to_do_nothing_where_they_cannot_be_kept_apart(pool, caplog):
    (said,) = warnings_of(pool, caplog, backend=Unlike(), result_failure_expires=60)

    assert said == (
        "result_failure_expires=60 has no effect: results in memory:// wait together, whatever "
        "became of their tasks (result_expires); a result_backend in Redis or a database heeds it"
    )
    assert not warnings_of(pool, caplog, backend=Unlike())


def test_a_lifetime_of_failures_is_heeded_by_stores_of_ours(tmp_path, caplog):
    for backend in ("memory://", f"sqlite:///{tmp_path}/results.sqlite3"):
        assert warnings_of("threads", caplog, backend=backend, result_failure_expires=60) == []


@pytest.mark.parametrize("heeds", [True, False])
def test_of_failures_backends_of_ones_own_speak_themselves(heeds, caplog, monkeypatch):
    monkeypatch.setattr(Shelf, "supports_failure_expires", heeds)
    kept = {"backend": f"{__name__}.Shelf", "result_failure_expires": 60}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert warnings_of("threads", caplog, **kept) == []


def test_nothing_is_said_where_they_are_heeded_or_not_set(caplog):
    assert warnings_of("prefork", caplog, **SETTINGS) == []
    assert warnings_of("threads", caplog) == []
