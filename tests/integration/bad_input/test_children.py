"""Odd tasks in child processes: each costs itself, and no child has to die for it."""

import asyncio
import os
import threading

import pytest

from celeriac import Celeriac
from celeriac.domain.messaging.message import TaskMessage
from celeriac.entrypoints.testing import running_worker

app = Celeriac("children", broker="memory://", backend="memory://", set_as_current=False)


class Mute(Exception):
    """Cannot even say what it is."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


class Unpicklable(Exception):
    """Holds what cannot leave its process."""

    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()

    def __reduce__(self):
        raise TypeError("not to be pickled")


def endless(n=0):
    return endless(n + 1)


def raising(error):
    def body():
        raise error

    return body


ODD = {
    "SystemExit": raising(SystemExit(3)),
    "KeyboardInterrupt": raising(KeyboardInterrupt()),
    "BaseException": raising(BaseException("base")),
    "Mute": raising(Mute()),
    "Unpicklable": raising(Unpicklable("text")),
    "ValueError": raising(ValueError(threading.Lock())),
    "RecursionError": endless,
    "EncodeError": threading.Lock,
}
for kind, body in ODD.items():
    app.task(name=f"odd.{kind}")(body)


@app.task(name="pid")
def pid():
    return os.getpid()


@app.task(name="loop")
async def loop():
    await asyncio.sleep(0)
    return [os.getpid(), id(asyncio.get_running_loop())]


@app.task(name="coroutine.exits")
async def coroutine_exits():
    raise SystemExit(1)


@pytest.fixture(scope="module")
def worker():
    with running_worker(app, pool="prefork", concurrency=1) as worker:
        yield worker


@pytest.mark.parametrize("kind", ODD)
def test_whatever_a_task_does_its_child_goes_on(worker, kind):
    before = pid.delay().get(timeout=20)

    result = app.tasks[f"odd.{kind}"].delay()
    error = result.get(timeout=20, propagate=False)

    assert (result.state, type(error).__name__) == ("FAILURE", kind)
    assert result.traceback
    assert pid.delay().get(timeout=20) == before


def test_coroutines_share_one_loop_in_the_child(worker):
    one, two = loop.delay().get(timeout=20), loop.delay().get(timeout=20)

    assert one == two
    assert one[0] == pid.delay().get(timeout=20) != os.getpid()


def test_a_coroutine_that_exits_ends_neither_loop_nor_child(worker):
    before = loop.delay().get(timeout=20)

    assert coroutine_exits.delay().get(timeout=20, propagate=False).args == (1,)
    assert loop.delay().get(timeout=20) == before


def test_a_body_that_cannot_be_read_is_put_aside(worker):
    message = TaskMessage("broken", "pid", b"\xff", queue="celery", routing_key="celery")
    app.broker.publish([message], deadline=5)

    error = app.AsyncResult("broken").get(timeout=20, propagate=False)

    (letter,) = app.broker.dead("celery", 10)
    assert (type(error).__name__, letter.reason) == ("DecodeError", "undecodable")
    assert pid.delay().get(timeout=20)
