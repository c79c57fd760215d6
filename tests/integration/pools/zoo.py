"""An app whose tasks misbehave, or say where they run. Workers import it by its name."""

import asyncio
import contextlib
import ctypes
import os
import re
import resource
import signal
import threading
import time
from pathlib import Path
from typing import Any

from celeriac import Celeriac, current_task
from celeriac.signals import (
    eventlet_pool_apply,
    eventlet_pool_postshutdown,
    eventlet_pool_preshutdown,
    eventlet_pool_started,
    task_failure,
    task_postrun,
    task_prerun,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
)

app = Celeriac("zoo")
HEARD = Path("heard.txt")
TOLD = Path("told.txt")
KEPT: list[bytes] = []


def listen() -> None:
    """Write down which signals come, and to which process."""
    signals = {
        "worker_init": worker_init,
        "worker_process_init": worker_process_init,
        "worker_process_shutdown": worker_process_shutdown,
        "eventlet_pool_started": eventlet_pool_started,
        "eventlet_pool_preshutdown": eventlet_pool_preshutdown,
        "eventlet_pool_postshutdown": eventlet_pool_postshutdown,
        "eventlet_pool_apply": eventlet_pool_apply,
    }
    for name, one in signals.items():

        def note(name: str = name, **_: Any) -> None:
            with HEARD.open("a") as file:
                file.write(f"{name} {os.getpid()}\n")

        one.connect(note, weak=False)


if os.environ.get("ZOO_LISTENS"):
    listen()


def tell(what: str, task_id: str, error: object = None) -> None:
    """Write down what happened to a task, and in which process."""
    with TOLD.open("a") as file:
        file.write(f"{task_id} {what} {type(error).__name__} {os.getpid()}\n")


@task_prerun.connect
def tell_of_start(task_id: str, **_: Any) -> None:
    """Write it down."""
    tell("prerun", task_id)


@task_failure.connect
def tell_of_failure(task_id: str, exception: BaseException, **_: Any) -> None:
    """Write it down."""
    tell("failure", task_id, exception)


@task_postrun.connect
def tell_of_end(task_id: str, **_: Any) -> None:
    """Write it down."""
    tell("postrun", task_id)


@app.task
def on_error(request: Any, exception: BaseException, traceback: str) -> None:
    """An errback that is called where its task failed."""
    tell("errback", request["id"] if isinstance(request, dict) else request.id, exception)


@app.task
def where() -> dict[str, Any]:
    """Say where it runs, and in what kind of world."""
    import socket

    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "socket": socket.socket.__module__,
        "lock": type(threading.Lock()).__module__,
    }


@app.task
def nap(seconds: float) -> int:
    """Wait as the library's own functions do."""
    time.sleep(seconds)
    return os.getpid()


@app.task(bind=True)
async def async_nap(self: Any, seconds: float) -> list[str]:
    """Wait on the loop; say who runs before and after."""
    before = [self.request.id, current_task.request.id]
    await asyncio.sleep(seconds)
    return [*before, self.request.id, current_task.request.id]


@app.task
def hold_the_gil(seconds: float) -> float:
    """Let no other thread of this process run for about so long."""
    begun = time.monotonic()
    # PyDLL keeps the interpreter locked while the C library sleeps.
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))
    return time.monotonic() - begun


@app.task
def never_yield(seconds: float) -> float:
    """Work in Python without ever waiting."""
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        re.match(r"(a+)+$", "a" * 16 + "b")
    return time.monotonic() - begun


@app.task
def exit_hard() -> None:
    """Leave, asking nobody."""
    os._exit(3)


@app.task
def segfault() -> None:
    """Read where nothing is."""
    import faulthandler

    faulthandler.disable()
    ctypes.string_at(0)


@app.task
def eat_memory() -> int:
    """Take more memory than the system gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (1 << 28), hard))
    try:
        return len(bytearray(1 << 30))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@app.task
def keep_memory(size: int) -> int:
    """Take so many bytes, and keep them."""
    KEPT.append(b"x" * size)
    return os.getpid()


@app.task
def block_signals() -> None:
    """Block all signals and never end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        time.sleep(0.05)


@app.task
def sys_exit() -> None:
    """Ask the interpreter to end."""
    raise SystemExit(4)


@app.task
def unencodable() -> Any:
    """Return what no serializer takes."""
    return threading.Lock()


class Mute(Exception):
    """Cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__

    def __reduce__(self) -> Any:
        raise TypeError("not to be pickled")


@app.task
def mute() -> None:
    """Raise what can be neither shown nor pickled."""
    raise Mute


@app.task
def spin(seconds: float) -> str:
    """Wait, and say whether a soft limit was met."""
    from celeriac.exceptions import SoftTimeLimitExceeded

    ends = time.monotonic() + seconds
    try:
        while time.monotonic() < ends:
            time.sleep(0.01)
    except SoftTimeLimitExceeded:
        return "softly"
    return "in full"


@app.task
def doze(seconds: float) -> str:
    """Wait in one call, and say whether a soft limit was met."""
    from celeriac.exceptions import SoftTimeLimitExceeded

    try:
        time.sleep(seconds)
    except SoftTimeLimitExceeded:
        return "softly"
    return "in full"


@app.task
def defy(seconds: float) -> None:
    """Go on, whatever is raised."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with contextlib.suppress(BaseException):
            time.sleep(0.01)


@app.task(soft_time_limit=0.2)
def impatient() -> str:
    """Be told to hurry by its own limit."""
    return str(spin.run(20))


@app.task(soft_time_limit=0.2)
async def async_impatient() -> str:
    """Be told to hurry on the loop."""
    from celeriac.exceptions import SoftTimeLimitExceeded

    try:
        await asyncio.sleep(20)
    except SoftTimeLimitExceeded:
        await asyncio.sleep(0)
        return "softly"
    return "in full"


@app.task
async def async_nap_on(seconds: float) -> None:
    """Wait on the loop, whatever is raised."""
    while True:
        with contextlib.suppress(BaseException):
            await asyncio.sleep(seconds)
