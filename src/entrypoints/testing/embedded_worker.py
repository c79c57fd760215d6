"""Workers within a test's own process.

    with running_worker(app):
        assert add.delay(2, 3).get(timeout=10) == 5

or, in virtual time and without any thread:

    add.apply_async((2, 3), countdown=3600)
    clock.advance(3600)
    work_off(app)

Neither leaves anything behind: no thread, no claim, no subscription.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from ...adapters.memory.pool import SimulatedPool
from ..worker import AppWorker, WorkerOptions

if TYPE_CHECKING:
    from ..library.app import Celeriac

#: How long a worker may take to end once it was told to, in seconds, beside its grace period.
PARTING_SECONDS: Final = 20.0


@contextmanager
def running_worker(
    app: "Celeriac", make: Callable[..., AppWorker] = AppWorker, **options: Any
) -> Iterator[AppWorker]:
    """Run a worker on threads of this process while the block lasts.

    Args:
        app: The app whose tasks it runs, and whose queues it takes them from.
        make: Its class, or what makes it of an app and WorkerOptions.
        **options: Those of WorkerOptions; by default `pool="threads"` and `concurrency=2`. Any
            pool will do, `solo` runs its tasks one by one.

    Raises:
        RuntimeError: The worker did not end; and whatever it ended with, if that was an error.
    """
    asked = {"pool": "threads", "concurrency": 2, **options}
    worker = make(app, WorkerOptions(**asked))
    failures: list[BaseException] = []

    def work() -> None:
        try:
            worker.run()
        except BaseException as failure:
            failures.append(failure)

    worker.start()
    thread = Thread(target=work, name="celeriac-embedded-worker", daemon=True)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(worker.worker.settings.grace + PARTING_SECONDS)
        if thread.is_alive():
            raise RuntimeError(f"worker {worker.node} did not end: does a task hang?")
    if failures:
        raise failures[0]


def work_off(app: "Celeriac", **options: Any) -> int:
    """Run all that is due in the app's queues, here and now, and return how many jobs that were.

    What those tasks send is run too, if it is due. Time does not pass by itself: with a virtual
    clock, advance it and work off again what was waiting for that.
    """
    pool = SimulatedPool(app.container.clock(), duration=lambda job: 0.0)
    worker = AppWorker(app, WorkerOptions(pool=pool, remote_control=False, **options))
    worker.start()
    worker.worker.work_off(pool.step)
    return worker.worker.completed
