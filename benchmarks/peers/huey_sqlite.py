"""huey's SqliteHuey with results stored, two processes, as its documentation starts it."""

from huey import SqliteHuey

from benchmarks import counter

NAME = "huey SqliteHuey, 2 processes"
WORKER = [
    "-m",
    "huey.bin.huey_consumer",
    f"{__name__}.huey",
    "-q",
    "-n",
    "-k",
    "process",
    "-w",
    "2",
]

huey = SqliteHuey("bench", filename=counter.path("huey.sqlite3"), store_none=True)


@huey.task(name="noop")
def noop(i: int) -> None:
    """Count."""
    counter.bump()


def reset() -> None:
    """Empty the queue."""
    huey.flush()


def enqueue(n: int) -> None:
    """One call after the other: huey has no batches."""
    for i in range(n):
        noop(i)


def roundtrip() -> None:
    """Wait for one result."""
    noop(0).get(blocking=True, timeout=30)
