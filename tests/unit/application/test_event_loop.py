"""One long-lived loop a process: what coroutines see, and that none of them can end it."""

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from celeriac.application import event_loop

COLOUR: ContextVar[str] = ContextVar("colour", default="none")


async def loop_and_thread():
    return asyncio.get_running_loop(), threading.get_ident()


def until_waiting(thread):
    """Wait until the thread waits for its coroutine, which may have begun before that."""
    end = time.monotonic() + 20
    while True:
        frame = sys._current_frames().get(thread.ident)
        while frame is not None:
            if frame.f_code is event_loop._Errand.wait.__code__:
                return
            frame = frame.f_back
        assert time.monotonic() < end, "the thread does not wait"
        time.sleep(0.001)


def test_all_coroutines_share_one_loop_in_a_thread_of_its_own():
    first, second = event_loop.run(loop_and_thread()), event_loop.run(loop_and_thread())

    assert first == second
    assert first[1] != threading.get_ident()


def test_what_a_coroutine_leaves_running_goes_on():
    async def leave_behind():
        event = asyncio.Event()

        async def ring():
            await asyncio.sleep(0)
            event.set()

        return event, asyncio.create_task(ring())

    async def hear(event):
        await asyncio.wait_for(event.wait(), 10)
        return "heard"

    event, _task = event_loop.run(leave_behind())

    assert event_loop.run(hear(event)) == "heard"


def test_several_threads_run_coroutines_at_once():
    met = threading.Barrier(3)

    async def meet():
        await asyncio.get_running_loop().run_in_executor(None, met.wait, 20)
        return True

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(event_loop.run, [meet(), meet(), meet()])) == [True] * 3


def test_a_coroutine_sees_the_context_of_its_caller():
    async def look():
        return COLOUR.get()

    token = COLOUR.set("blue")
    try:
        assert event_loop.run(look()) == "blue"
    finally:
        COLOUR.reset(token)


@pytest.mark.parametrize(
    "error", [KeyError("k"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()]
)
def test_what_a_coroutine_raises_reaches_its_caller_and_the_loop_goes_on(error):
    async def fail():
        raise error

    before = event_loop.run(loop_and_thread())
    with pytest.raises(type(error)) as raised:
        event_loop.run(fail())

    assert raised.value is error
    assert event_loop.run(loop_and_thread()) == before


def test_a_coroutine_may_run_another_without_waiting_for_itself():
    async def inner():
        return COLOUR.get()

    async def outer():
        COLOUR.set("green")
        return event_loop.run(inner())

    assert event_loop.run(outer()) == "green"


def test_an_interrupted_wait_cancels_the_coroutine_and_lets_it_clean_up():
    from celeriac.adapters.pools.interruption import interrupt
    from celeriac.domain.errors import SoftTimeLimitExceeded

    begun, cleaned, caught = threading.Event(), threading.Event(), []

    async def sleep_long():
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    def wait():
        try:
            event_loop.run(sleep_long())
        except SoftTimeLimitExceeded:
            caught.append(cleaned.is_set())

    thread = threading.Thread(target=wait)
    thread.start()
    assert begun.wait(20)
    until_waiting(thread)
    interrupt(thread.ident)
    thread.join(20)

    assert caught == [True]


def test_a_soft_limit_may_be_caught_by_the_coroutine_which_then_goes_on():
    from celeriac.adapters.pools.interruption import interrupt
    from celeriac.domain.errors import SoftTimeLimitExceeded

    begun, returned = threading.Event(), []

    async def sleep_long():
        begun.set()
        try:
            await asyncio.sleep(3600)
        except SoftTimeLimitExceeded:
            await asyncio.sleep(0)
            return "in time"

    thread = threading.Thread(target=lambda: returned.append(event_loop.run(sleep_long())))
    thread.start()
    assert begun.wait(20)
    until_waiting(thread)
    interrupt(thread.ident)
    thread.join(20)

    assert returned == ["in time"]
