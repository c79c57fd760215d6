"""`task_annotations` and `store_eager_result`."""

import pytest

from celeriac.domain.errors import ImproperlyConfigured


def declared(shop, name="shop.add", **options):
    return shop.app.task(name=name, **options)(lambda x, y: x + y)


def test_a_task_gets_what_is_said_of_it_by_name(shop_with):
    shop = shop_with(task_annotations={"shop.add": {"rate_limit": "10/s", "time_limit": 9.0}})

    add, other = declared(shop), declared(shop, "shop.other")

    assert (add.resolved.rate_limit, add.resolved.time_limit) == ("10/s", 9.0)
    assert (other.resolved.rate_limit, other.resolved.time_limit) == (None, None)


def test_what_is_said_of_all_yields_to_what_is_said_by_name(shop_with):
    said = {"*": {"max_retries": 9, "acks_late": True}, "shop.add": {"max_retries": 1}}
    shop = shop_with(task_annotations=said)

    add, other = declared(shop), declared(shop, "shop.other")

    assert (add.resolved.max_retries, add.resolved.acks_late) == (1, True)
    assert (other.resolved.max_retries, other.resolved.acks_late) == (9, True)


def test_a_method_may_be_wrapped(shop_with):
    def doubled(run):
        return lambda *args: 2 * run(*args)

    shop = shop_with(task_annotations=({"*": {"@run": doubled}},))

    assert declared(shop).apply((1, 2)).get() == 6


def test_what_is_no_annotation_is_refused(shop_with):
    shop = shop_with(task_annotations=["10/s"])

    with pytest.raises(ImproperlyConfigured, match="task_annotations has '10/s'"):
        declared(shop).delay(1, 2)


def test_an_eager_result_is_stored_where_that_is_asked_for(shop_with):
    shop = shop_with(task_always_eager=True, task_store_eager_result=True)

    kept = declared(shop).delay(1, 2)
    lost = declared(shop, "shop.quiet", store_eager_result=False).delay(1, 2)

    assert shop.app.AsyncResult(kept.id).get(timeout=0) == 3
    assert shop.app.AsyncResult(lost.id).state == "PENDING"


def test_an_eager_failure_is_stored_too(shop_with):
    shop = shop_with(task_always_eager=True, task_store_eager_result=True)

    @shop.app.task(name="fails")
    def fails():
        raise LookupError("gone")

    failed = fails.delay()

    assert shop.app.AsyncResult(failed.id).state == "FAILURE"
    assert repr(shop.app.AsyncResult(failed.id).result) == "LookupError('gone')"
