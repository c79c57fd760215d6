"""What Celery's users ask of `app.backend` itself."""

import warnings
from typing import Any, ClassVar

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import ImproperlyConfigured
from celeriac.domain.errors import TimeoutError as NotInTime
from celeriac.entrypoints.celery_modules.backends_base import (
    KeyValueStoreBackend,
    SyncBackendMixin,
    compress_payload,
    decompress_payload,
)


class Passing(Exception):
    """Will be over soon."""


class Shelf(KeyValueStoreBackend):
    supports_result_compression = True
    shelf: ClassVar[dict[Any, Any]] = {}
    away: ClassVar[list[BaseException]] = []
    told: ClassVar[list[BaseException]] = []

    def get(self, key):
        return self.shelf.get(key)

    def set(self, key, value):
        if self.away:
            raise self.away.pop()
        self.shelf[key] = value

    def delete(self, key):
        self.shelf.pop(key, None)

    def exception_safe_to_retry(self, exc):
        return isinstance(exc, Passing)

    def on_backend_retryable_error(self, exc):
        self.told.append(exc)


@pytest.fixture(autouse=True)
def empty():
    for kept in (Shelf.shelf, Shelf.away, Shelf.told):
        kept.clear()


def make(**settings):
    return Celeriac(
        "a", broker="memory://", backend=f"{__name__}:Shelf", set_as_current=False, **settings
    )


@pytest.fixture
def adding(shop):
    @shop.app.task(name="add")
    def add(x, y):
        return x + y

    return add


@pytest.fixture
def total(shop):
    @shop.app.task(name="total")
    def total(numbers):
        return sum(numbers)

    return total


def test_a_backend_waits_for_what_its_caller_names(shop, adding):
    sent = [adding.delay(n, n) for n in range(3)]
    shop.work_off()
    backend = shop.app.backend

    found = dict(backend.get_many([one.id for one in sent], timeout=1))

    assert {id_: meta["result"] for id_, meta in found.items()} == {
        one.id: 2 * n for n, one in enumerate(sent)
    }
    assert backend.wait_for(sent[1].id, timeout=1)["result"] == 2
    assert backend.wait_for_pending(sent[2], timeout=1) == 4
    assert dict(backend.iter_native(shop.app.ResultSet(sent), timeout=1)).keys() == found.keys()
    with pytest.raises(backend.TimeoutError):
        backend.wait_for("nobody", timeout=0.01)
    assert backend.TimeoutError is NotInTime


def test_those_that_are_ready_now_can_be_had_without_waiting(shop, adding):
    done = adding.delay(1, 1)
    shop.work_off()
    waiting = adding.delay(2, 2)

    found = list(shop.app.backend.get_many([done.id, waiting.id], max_iterations=1))

    assert [id_ for id_, _ in found] == [done.id]


def test_the_body_of_a_chord_is_sent_when_a_header_sent_before_is_done(shop, adding, total):
    header = [adding.delay(n, n) for n in range(3)]
    body = total.s().set(task_id="body")

    shop.app.backend.apply_chord(("header", header), body)
    shop.work_off()
    shop.work_off(2)

    assert shop.app.AsyncResult("body").get(timeout=1) == 6


def test_a_failure_is_kept_as_it_is_handled(shop):
    try:
        {}["gone"]
    except KeyError:
        info = shop.app.backend.fail_from_current_stack("id-1")

    assert repr(info.exception) == "KeyError('gone')"
    assert shop.app.backend.get_state("id-1") == "FAILURE"
    assert '{}["gone"]' in shop.app.backend.get_traceback("id-1")


def test_there_is_no_failure_where_nothing_is_handled(shop):
    with pytest.raises(ValueError, match="no exception is handled here"):
        shop.app.backend.fail_from_current_stack("id-1")


def test_a_body_whose_header_failed_has_its_errbacks_called(shop, total):
    @shop.app.task(name="told")
    def told(task_id):
        shop.seen.append(task_id)

    @shop.app.task(name="shown")
    def shown(request, exc, traceback):
        shop.seen.append((request.id, repr(exc)))

    body = total.s().set(task_id="body", link_error=[told.s(), shown.s()])

    shop.app.backend.chord_error_from_stack(body, ValueError("header"))
    shop.work_off()

    assert sorted(map(str, shop.seen)) == ["('body', \"ValueError('header')\")", "body"]
    assert shop.app.backend.get_state("body") == "FAILURE"


def test_a_value_comes_back_from_its_encoded_form(shop):
    backend = shop.app.backend

    assert backend.decode(backend.encode({"x": [1, 2]})) == {"x": [1, 2]}
    failure = {"status": "FAILURE", "result": backend.encode_result(KeyError("gone"), "FAILURE")}
    assert repr(backend.decode_result(backend.encode(failure))["result"]) == "KeyError('gone')"


def test_a_group_is_told_by_its_id(shop, adding):
    group = shop.app.GroupResult("header", [adding.delay(1, 1)])
    shop.app.backend.save_group("header", group)

    assert shop.app.backend.get_group_meta("header") == {"result": group}
    assert shop.app.backend.get_group_meta("nobody") is None


def test_a_setting_says_whether_results_persist_unless_one_is_asked(shop):
    backend = shop.app.backend
    own = backend.persistent

    assert backend.prepare_persistent() is own
    shop.app.conf.result_persistent = not own
    assert backend.prepare_persistent() is not own
    assert backend.prepare_persistent(own) is own


def test_an_error_that_passes_is_followed_by_another_attempt_where_that_is_set():
    with make(
        result_backend_always_retry=True, result_backend_base_sleep_between_retries_ms=0
    ) as app:
        Shelf.away.extend([Passing("one"), Passing("two")])

        app.backend.store_result("id-1", 1, "SUCCESS")

        assert app.backend.get_result("id-1") == 1
        assert [str(one) for one in Shelf.told] == ["two", "one"]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({}, Passing("not set")),
        ({"result_backend_always_retry": True}, ValueError("stays")),
        ({"result_backend_always_retry": True, "result_backend_max_retries": 0}, Passing("spent")),
    ],
)
def test_other_errors_are_raised_at_once(settings, error):
    with make(**settings) as app:
        Shelf.away.append(error)

        with pytest.raises(type(error), match=str(error)):
            app.backend.store_result("id-1", 1, "SUCCESS")
        assert not Shelf.told


def test_results_are_made_smaller_by_a_backend_that_keeps_bytes():
    with make(result_compression="gzip") as app:
        app.backend.store_result("id-1", "x" * 1000, "SUCCESS")

        (kept,) = Shelf.shelf.values()
        assert len(kept) < 300
        assert app.backend.get_result("id-1") == "x" * 1000


def test_a_backend_that_keeps_no_bytes_says_that_nothing_is_made_smaller(monkeypatch):
    monkeypatch.setattr(Shelf, "supports_result_compression", False)
    with make(result_compression="gzip") as app, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        app.backend.store_result("id-1", "x" * 1000, "SUCCESS")

        assert any("does not keep bytes" in str(one.message) for one in said)
        (kept,) = Shelf.shelf.values()
        assert len(kept) > 1000


@pytest.mark.parametrize("supports", [True, False])
def test_a_backend_says_whether_failures_go_earlier(monkeypatch, supports):
    monkeypatch.setattr(Shelf, "supports_failure_expires", supports)
    with make(result_failure_expires=60) as app, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        app.backend.store_result("id-1", 1, "SUCCESS")

        found = [one for one in said if "keeps failures as long as other" in str(one.message)]
        assert bool(found) is not supports


def test_a_payload_that_was_not_made_smaller_is_left_as_it_is():
    assert decompress_payload(compress_payload("text", "gzip")) == b"text"
    assert decompress_payload(memoryview(b"plain")) == b"plain"
    assert decompress_payload("text") == "text"
    with pytest.raises(ImproperlyConfigured, match=r"expected a compression; known: .*gzip"):
        compress_payload("text", "squeeze")


def test_the_mixin_of_waiting_may_stand_before_or_behind_the_base():
    before = type("Before", (SyncBackendMixin, KeyValueStoreBackend), {})
    behind = type("Behind", (KeyValueStoreBackend, SyncBackendMixin), {})

    assert before.wait_for is behind.wait_for is KeyValueStoreBackend.wait_for
