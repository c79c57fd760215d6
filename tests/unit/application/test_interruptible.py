"""Raising something of one's own in a coroutine, where asyncio only knows to cancel it."""

import asyncio

import pytest

from celeriac.application.interruptible import Interruptible
from celeriac.domain.errors import SoftTimeLimitExceeded


async def interrupted(coroutine, error):
    """Run a coroutine, interrupt it where it waits first, and return its task when it is done."""
    way = Interruptible(coroutine)

    async def carry():
        return await way

    task = asyncio.create_task(carry())
    await asyncio.sleep(0)
    if error is not None:
        way.interrupt(error)
    task.cancel()
    await asyncio.wait([task])
    return task


def test_a_coroutine_that_is_not_interrupted_is_awaited_as_ever():
    async def body():
        await asyncio.sleep(0)
        return 5

    async def run():
        return await Interruptible(body())

    assert asyncio.run(run()) == 5


def test_what_is_raised_in_it_may_be_caught_and_waiting_goes_on():
    async def body():
        try:
            await asyncio.sleep(60)
        except SoftTimeLimitExceeded:
            await asyncio.sleep(0)
            return ("caught", asyncio.current_task().cancelling())

    task = asyncio.run(interrupted(body(), SoftTimeLimitExceeded()))

    assert task.result() == ("caught", 0)


def test_what_is_not_caught_ends_it():
    async def body():
        await asyncio.gather(asyncio.sleep(60), asyncio.sleep(60))

    task = asyncio.run(interrupted(body(), SoftTimeLimitExceeded()))

    assert isinstance(task.exception(), SoftTimeLimitExceeded)


def test_a_timeout_of_its_own_is_not_taken_for_an_interruption():
    async def body():
        try:
            async with asyncio.timeout(60):
                await asyncio.sleep(60)
        except SoftTimeLimitExceeded:
            return "limit"

    task = asyncio.run(interrupted(body(), SoftTimeLimitExceeded()))

    assert task.result() == "limit"


def test_without_an_error_to_raise_it_is_cancelled():
    async def body():
        await asyncio.sleep(60)

    task = asyncio.run(interrupted(body(), None))

    assert task.cancelled()


def test_a_cancellation_of_its_own_making_is_its_own():
    async def body():
        inner = asyncio.create_task(asyncio.sleep(60))
        inner.cancel()
        with pytest.raises(asyncio.CancelledError):
            await inner
        return "went on"

    async def run():
        return await Interruptible(body())

    assert asyncio.run(run()) == "went on"
