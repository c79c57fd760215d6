"""`celery.backends.base`: what heirs and callers find there beside reading and writing."""

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import NoResultsKept, NotSupported
from celeriac.entrypoints.celery_modules.backends_base import (
    Backend,
    DisabledBackend,
    KeyValueStoreBackend,
    unpickle_backend,
)


@pytest.fixture
def app():
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as app:
        yield app


class TestWhatIsSettledElsewhere:
    def test_heirs_may_pass_on_what_they_are_asked(self, app):
        class Mine(KeyValueStoreBackend):
            def on_chord_part_return(self, request, state, result, **kwargs):
                return super().on_chord_part_return(request, state, result, **kwargs)

            def on_task_call(self, producer, task_id):
                return super().on_task_call(producer, task_id)

        mine = Mine(app)

        assert mine.on_chord_part_return(None, "SUCCESS", 1) is None
        assert mine.on_task_call(None, "i1") == {}
        assert mine.set_chord_size("g1", 3) is None

    @pytest.mark.parametrize("of", [lambda app: app.backend, Backend, KeyValueStoreBackend])
    def test_a_chord_grows_by_a_task_of_its_header_only(self, app, of):
        with pytest.raises(NotSupported, match=r"chord g1 grows by self\.add_to_chord"):
            of(app).add_to_chord("g1", app.AsyncResult("i1"))

    def test_heirs_know_how_often_to_try_again(self, app):
        assert dict(Backend(app).retry_policy) == {
            "max_retries": 20,
            "interval_start": 0,
            "interval_step": 1,
            "interval_max": 1,
        }

    def test_keys_are_counted_up_by_heirs_alone(self, app):
        backend = KeyValueStoreBackend(app, expires=90)

        assert backend.chord_expires == 90
        with pytest.raises(NotImplementedError, match="KeyValueStoreBackend does not define incr"):
            backend.incr("k")
        with pytest.raises(NotImplementedError, match="does not define expire"):
            backend.expire("k", 3)


class TestWithoutResults:
    @pytest.fixture
    def app(self):
        with Celeriac("a", broker="memory://", backend="disabled://", set_as_current=False) as app:
            yield app

    @pytest.mark.parametrize(
        "ask",
        [
            lambda app: app.backend.get_task_meta_for("i1"),
            lambda app: app.backend.get_state("i1"),
            lambda app: app.AsyncResult("i1").state,
            lambda app: app.AsyncResult("i1").get(timeout=1),
        ],
    )
    def test_who_asks_is_told_what_to_set_by_an_error_that_celerys_users_expect(self, app, ask):
        with pytest.raises(NoResultsKept, match="set it to a URL"):
            ask(app)
        with pytest.raises(NotImplementedError):
            ask(app)

    def test_there_is_nothing_to_try_again_or_to_make_smaller(self, app):
        backend = app.backend

        assert isinstance(backend, DisabledBackend)
        assert not backend.exception_safe_to_retry(OSError())
        assert backend.on_backend_retryable_error(OSError()) is None
        assert backend.prepare_compression("zlib") is None
        assert not backend.supports_result_compression
        assert not backend.supports_failure_expires


def test_a_backend_may_be_made_for_the_current_app(app):
    app.set_current()

    made = unpickle_backend(KeyValueStoreBackend, (), {"url": "own://here"})

    assert made.app is app
    assert made.as_uri() == "own://here"
