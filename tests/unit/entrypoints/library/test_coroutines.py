"""Tasks written as `async def`."""

import asyncio
import threading
from contextvars import ContextVar

from celeriac import current_task
from celeriac.entrypoints.testing import running_worker

TENANT: ContextVar[str] = ContextVar("tenant", default="none")


def test_a_coroutine_is_run_to_its_end(shop):
    @shop.app.task
    async def add(x, y):
        await asyncio.sleep(0)
        return x + y

    result = add.delay(1, 2)

    assert (shop.state(result), result.get()) == ("SUCCESS", 3)


def test_two_tasks_live_on_the_same_loop(shop):
    loops = []

    @shop.app.task
    async def look():
        loops.append(asyncio.get_running_loop())

    look.delay()
    look.delay()
    shop.work_off()

    assert loops[0] is loops[1]


def test_a_connection_made_by_one_task_serves_the_next(shop):
    made = []

    @shop.app.task
    async def work():
        if not made:
            made.append(asyncio.Queue())
            made.append(asyncio.create_task(made[0].get()))
            return "waits"
        await made[0].put("word")
        return await made[1]

    one, two = work.delay(), work.delay()
    shop.work_off()

    assert (one.get(), two.get()) == ("waits", "word")


def test_the_current_task_and_the_request_are_known_in_it(shop):
    @shop.app.task(bind=True)
    async def look(self):
        await asyncio.sleep(0)
        in_helper = await asyncio.create_task(who())
        return [self.request.id, in_helper]

    async def who():
        return current_task.request.id

    result = look.delay()
    shop.work_off()

    assert result.get() == [result.id, result.id]


def test_each_run_has_a_context_of_its_own(shop):
    @shop.app.task
    async def mark(name):
        before = TENANT.get()
        TENANT.set(name)
        return before

    results = [mark.delay("a"), mark.delay("b")]
    shop.work_off()

    assert [result.get() for result in results] == ["none", "none"]


def test_its_exceptions_and_retries_are_those_of_any_task(shop):
    @shop.app.task(bind=True, autoretry_for=(KeyError,), retry_kwargs={"countdown": 5})
    async def fail(self):
        await asyncio.sleep(0)
        if self.request.retries:
            raise ValueError("v")
        raise KeyError("k")

    result = fail.delay()

    assert shop.state(result) == "RETRY"
    shop.work_off(5)
    assert (result.state, type(result.result)) == ("FAILURE", ValueError)


def test_what_it_sends_is_its_child(shop):
    leaf = shop.app.task(name="leaf")(lambda: 5)

    @shop.app.task
    async def root():
        return leaf.delay().id

    result = root.delay()
    shop.work_off()

    assert [child.id for child in result.children] == [result.get()]


def test_a_task_that_exits_its_coroutine_ends_only_itself(shop):
    @shop.app.task
    async def leave():
        raise SystemExit(1)

    @shop.app.task
    async def stay():
        return "here"

    one, two = leave.delay(), stay.delay()
    shop.work_off()

    assert (one.state, two.get()) == ("FAILURE", "here")


def test_called_as_a_function_it_gives_its_coroutine(shop):
    @shop.app.task
    async def add(x, y):
        return x + y

    assert asyncio.run(add(1, 2)) == 3


def test_applied_here_it_is_run_to_its_end_also_on_a_loop(shop):
    @shop.app.task
    async def inner():
        return "inner"

    @shop.app.task
    async def outer():
        return inner.apply().get()

    async def main():
        return outer.apply().get()

    assert outer.apply().get() == "inner"
    assert asyncio.run(main()) == "inner"
    assert shop.state(outer.delay()) == "SUCCESS"


def test_several_run_at_once_in_a_pool_of_threads(live):
    met = []

    @live.task(name="meet")
    async def meet(me):
        met.append(me)
        while len(met) < 2:
            await asyncio.sleep(0.001)
        return threading.current_thread().name

    one, two = meet.delay("one"), meet.delay("two")

    assert one.get(timeout=20) == two.get(timeout=20) == "celeriac-asyncio"


def test_a_soft_time_limit_cancels_it_and_lets_it_clean_up(live):
    cleaned = []

    @live.task(name="slow", soft_time_limit=0.2)
    async def slow():
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    result = slow.delay()
    failure = result.get(timeout=20, propagate=False)

    assert (type(failure).__name__, cleaned) == ("SoftTimeLimitExceeded", [True])


def test_a_solo_worker_runs_coroutines_one_by_one():
    from celeriac import Celeriac

    app = Celeriac("solo", broker="memory://", backend="memory://", set_as_current=False)

    @app.task(name="look")
    async def look(x):
        await asyncio.sleep(0)
        return x

    with running_worker(app, pool="solo"):
        assert [look.delay(n).get(timeout=20) for n in range(3)] == [0, 1, 2]
    app.close()
