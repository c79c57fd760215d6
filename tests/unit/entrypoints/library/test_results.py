"""Results as users hold them."""

import asyncio
import pickle
import threading

import pytest

from celeriac.entrypoints.library.results import AsyncResult
from celeriac.exceptions import (
    NotSupported,
    SecurityError,
    TaskRevokedError,
    TimeoutError,  # noqa: A004 - the name under test
)


class Refused(Exception):
    """One of a project's own."""

    def __init__(self, code, reason="none"):
        super().__init__(code, reason)
        self.code = code


class Particular(Exception):
    """One whose constructor does not take its own arguments."""

    def __init__(self, *, code):
        super().__init__(f"code {code}")


@pytest.fixture
def add(shop):
    return shop.app.task(name="add")(lambda x, y=0: x + y)


def failing(shop, error):
    """Return the result of a task that raised."""

    @shop.app.task(name="fail")
    def fail():
        raise error

    result = fail.delay()
    shop.work_off()
    return result


def test_nothing_is_known_of_a_task_that_has_not_run(add):
    result = add.delay(1)

    assert (result.state, result.status, result.result, result.info) == (
        "PENDING",
        "PENDING",
        None,
        None,
    )
    assert (result.traceback, result.date_done, result.children) == (None, None, None)
    assert not result.ready()
    assert not result.successful()
    assert not result.failed()


def test_a_value_is_waited_for_and_kept(shop, add):
    result = add.delay(1, 2)
    shop.work_off()

    assert (result.get(), result.wait(), result.state) == (3, 3, "SUCCESS")
    assert result.successful()
    assert result.ready()
    assert result.date_done == shop.clock.now()
    assert result.children == []


def test_waiting_ends_with_its_timeout(add):
    with pytest.raises(TimeoutError, match="was not ready within 2 s"):
        add.delay(1).get(timeout=2)


def test_waiting_for_a_time_that_has_passed_looks_once(shop, add):
    result = add.delay(1)
    with pytest.raises(TimeoutError):
        result.get(timeout=0)
    shop.work_off()

    assert result.get(timeout=0) == 1


def test_a_failed_tasks_exception_is_raised_with_its_remote_traceback(shop):
    result = failing(shop, KeyError("k"))

    with pytest.raises(KeyError) as raised:
        result.get()

    assert raised.value.args == ("k",)
    assert "raise error" in str(raised.value.__cause__)
    assert "raise error" in result.traceback
    assert result.failed()


def test_without_propagation_the_exception_is_returned(shop):
    value = failing(shop, KeyError("k")).get(propagate=False)

    assert (type(value), value.args) == (KeyError, ("k",))


@pytest.mark.parametrize("error", [Refused(7), Refused(7, "late"), ZeroDivisionError("x", [1])])
def test_exceptions_come_back_as_what_they_were(shop, error):
    value = failing(shop, error).result

    assert (type(value), value.args) == (type(error), error.args)


def test_an_exception_that_cannot_be_made_again_keeps_its_name_and_arguments(shop):
    value = failing(shop, Particular(code=5)).result

    assert (type(value).__name__, type(value).__module__, value.args) == (
        "Particular",
        __name__,
        ("code 5",),
    )


def test_arguments_that_are_no_data_come_back_as_their_text(shop):
    value = failing(shop, ValueError({1, 2}, b"x")).result

    assert value.args == ("{1, 2}", "b'x'")


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_a_task_that_would_end_its_process_does_not_end_that_of_whoever_asks(shop, error):
    result = failing(shop, error)

    with pytest.raises(Exception) as raised:  # noqa: PT011 - that it is one is the point
        result.get()

    assert (type(raised.value).__name__, raised.value.args) == (type(error).__name__, error.args)


def test_a_stored_failure_that_names_a_function_is_refused(shop):
    shop.app.store_state(
        "t", "FAILURE", {"exc_type": "eval", "exc_message": ["1"], "exc_module": "builtins"}
    )

    with pytest.raises(SecurityError):
        shop.app.AsyncResult("t").get()


def test_a_callback_and_a_message_handler_are_told(shop, add):
    result = add.delay(1, 2)
    shop.work_off()
    told, messages = [], []

    result.get(callback=lambda id_, value: told.append((id_, value)), on_message=messages.append)

    assert told == [(result.id, 3)]
    assert messages == [
        {
            "status": "SUCCESS",
            "result": 3,
            "traceback": None,
            "children": [],
            "date_done": shop.clock.now(),
            "task_id": result.id,
        }
    ]


def test_who_waits_is_asked_at_intervals(shop, add):
    result = add.delay(1)

    assert result.get(on_interval=shop.work_off) == 1


def test_a_forgotten_result_is_pending_again(shop, add):
    result = add.delay(1)
    result.parent = add.delay(2)
    shop.work_off()
    assert result.get() == 1

    result.forget()

    assert (result.state, result.parent.state) == ("PENDING", "PENDING")


def test_a_parent_that_failed_raises_at_once(shop, add):
    result = add.delay(1)
    result.parent = failing(shop, KeyError("k"))

    with pytest.raises(KeyError):
        result.get()
    assert result.get(follow_parents=False) == 1


def test_maybe_throw_raises_what_has_failed_and_tells_what_is_known(shop, add):
    told = []
    pending = add.delay(1)
    assert pending.maybe_throw() is None

    shop.work_off()

    assert pending.maybe_throw(callback=lambda *it: told.append(it)) == 1
    assert told == [(pending.id, 1)]
    with pytest.raises(KeyError):
        failing(shop, KeyError("k")).maybe_throw()
    assert isinstance(failing(shop, KeyError("k")).maybe_reraise(propagate=False), KeyError)


def test_a_queued_task_that_is_revoked_leaves_its_queue(shop, add):
    result = add.delay(1)

    result.revoke()

    assert (result.state, shop.app.broker.depth(["celery"])) == ("REVOKED", {"celery": 0})
    with pytest.raises(TaskRevokedError, match="revoked"):
        result.get()


def test_results_are_equal_to_their_ids_and_can_be_kept(shop):
    result = shop.app.AsyncResult("t", parent=shop.app.AsyncResult("p"))

    assert result == "t"
    assert result == AsyncResult("t", app=shop.app)
    assert result != AsyncResult("u", app=shop.app)
    assert len({result, AsyncResult("t", app=shop.app)}) == 1
    assert (str(result), repr(result), result.task_id) == ("t", "<AsyncResult: t>", "t")
    assert result.as_tuple() == (("t", (("p", None), None)), None)
    assert result.as_list() == ["t", "p"]
    assert pickle.loads(pickle.dumps(result)) == "t"


def test_without_a_result_backend_that_is_said_where_results_are_asked_for(shop_with):
    from celeriac import Celeriac
    from celeriac.entrypoints.testing import work_off

    app = Celeriac("bare", broker="memory://", set_as_current=False)
    seen = []
    again = app.task(name="again", bind=True)(
        lambda self: (
            seen.append(self.request.retries) or (self.request.retries or self.retry(countdown=0))
        )
    )
    result = again.apply_async(link=app.task(name="after")(seen.append).s())

    work_off(app)

    assert seen == [0, 1, 1]
    with pytest.raises(NotSupported, match="result_backend is not set"):
        result.get()
    with pytest.raises(NotSupported, match="sqlite:///"):
        _ = result.state
    result.forget()
    app.close()


# -- in host time, with a worker


def test_a_result_is_there_as_soon_as_the_task_is_done(live):
    assert live.task(lambda x: x)(5) == 5
    assert live.task(name="twice")(lambda x: 2 * x).delay(4).get(timeout=20) == 8


def test_a_result_can_be_awaited(live):
    add = live.task(name="add")(lambda x, y: x + y)

    @live.task(name="fail")
    def fail():
        raise KeyError("k")

    async def main():
        both = await asyncio.gather(add.delay(1, 2), add.delay(3, 4))
        with pytest.raises(KeyError):
            await fail.delay()
        return both

    assert asyncio.run(asyncio.wait_for(main(), 20)) == [3, 7]


def test_a_cancelled_await_ends(live):
    async def main():
        waiting = asyncio.ensure_future(_await(live.AsyncResult("never")))
        await asyncio.sleep(0)
        waiting.cancel()
        return (await asyncio.gather(waiting, return_exceptions=True))[0]

    assert isinstance(asyncio.run(main()), asyncio.CancelledError)


async def _await(result):
    return await result


def test_a_running_task_that_is_revoked_goes_on_unless_it_is_terminated(live):
    begun, let_go = threading.Event(), threading.Event()

    @live.task(name="slow")
    def slow():
        begun.set()
        return let_go.wait(20)

    result = slow.delay()
    assert begun.wait(20)
    result.revoke()
    let_go.set()

    assert result.get(timeout=20) is True


def test_waiters_in_several_threads_all_get_their_results(live):
    add = live.task(name="add")(lambda x, y: x + y)
    found = []

    def ask(n):
        found.append((n, add.delay(n, n).get(timeout=20)))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(found) == [(n, 2 * n) for n in range(8)]
