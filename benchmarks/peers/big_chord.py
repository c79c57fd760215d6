"""The app of benchmarks.big_chord: a header task that returns its number, and a body that adds."""

import os
import secrets
from pathlib import Path

from celeriac import Celeriac

broker, backend = os.environ["BENCH_CHORD"].split()
#: The same for client and workers, apart from what else is on the server.
queue = os.environ.setdefault("BENCH_CHORD_QUEUE", f"chord-{secrets.token_hex(4)}")
app = Celeriac("chord", broker=broker, backend=backend, task_default_queue=queue)
app.conf.update(task_acks_late=True, worker_lease=3, result_expires=600)


@app.task(name="chord.part", ignore_result=True)
def part(number: int) -> int:
    """Return the number."""
    return number


@app.task(name="chord.total")
def total(numbers: list[int]) -> tuple[int, int]:
    """Return how many there are, and their sum."""
    with (Path(os.environ["BENCH_DIR"]) / "bodies").open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len(numbers), sum(numbers)


def waiting() -> int:
    """Count what waits to be taken up."""
    return app.broker.depth([queue])[queue]


def clean() -> None:
    """Leave nothing in the queue."""
    app.broker.purge([queue])
