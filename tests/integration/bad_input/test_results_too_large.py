"""Results beyond what the setting, or the store, allows: a failure that says so."""

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore
from celeriac.entrypoints.testing import running_worker
from celeriac.exceptions import BackendStoreError, ResultTooLarge


def outcomes(app):
    """Let a small and a large result be stored; return what came of both, and what was linked."""
    linked = []
    after = app.task(name="after")(lambda value: linked.append(len(value)))
    text = app.task(name="text")(lambda size: "x" * size)
    with running_worker(app):
        large = text.apply_async((5000,), link=after.s())
        failure = large.get(timeout=20, propagate=False)
        small = text.apply_async((10,), link=after.s()).get(timeout=20)
        app.task(name="last")(lambda: None).delay().get(timeout=20)
    app.close()
    return large.state, failure, small, linked


def test_a_result_beyond_the_setting_is_a_failure_that_names_it():
    app = Celeriac(
        "a",
        broker="memory://",
        backend="memory://",
        result_max_bytes=2000,
        set_as_current=False,
    )

    state, failure, small, linked = outcomes(app)

    assert (state, type(failure), small, linked) == ("FAILURE", ResultTooLarge, "x" * 10, [10])
    assert "takes 5002 bytes, more than result_max_bytes=2000" in str(failure)


@pytest.mark.parametrize("together", [True, False])
def test_a_result_beyond_what_the_store_holds_is_a_failure(together):
    store = MemoryStore()
    results = MemoryResults(store if together else None, max_bytes=2000)
    app = Celeriac("a", broker=MemoryBroker(store), backend=results, set_as_current=False)

    state, failure, small, linked = outcomes(app)

    assert (state, type(failure), small, linked) == (
        "FAILURE",
        BackendStoreError,
        "x" * 10,
        [10],
    )
    assert "5002 bytes" in str(failure)


def test_progress_beyond_what_the_store_holds_is_left_out():
    app = Celeriac(
        "a",
        broker=MemoryBroker(store := MemoryStore()),
        backend=MemoryResults(store, max_bytes=100),
        set_as_current=False,
    )

    @app.task(name="chatty", bind=True)
    def chatty(self):
        self.update_state(state="PROGRESS", meta="x" * 500)
        return "done"

    with running_worker(app):
        assert chatty.delay().get(timeout=20) == "done"
    app.close()
