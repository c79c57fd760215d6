"""The app of the workers under test, copied to a folder of its own as `shop.py`."""

import ctypes
import time
from pathlib import Path

from celeriac import Celeriac

HERE = Path(__file__).parent
MARKS = HERE / "marks.txt"
STORE = f"sqlite:///{HERE / 'celeriac.sqlite3'}"

app = Celeriac("shop", broker=STORE, backend=STORE, set_as_current=False, worker_lease=2)


def mark(text: str) -> None:
    """Append a line, whole even when many processes do so."""
    with MARKS.open("a") as file:
        file.write(f"{text} {time.time():.6f}\n")


@app.task(rate_limit="20/s", rate_limit_scope="cluster")
def mail(number: int) -> None:
    mark(f"mail {number}")


@app.task(max_concurrency=2)
def query(number: int, seconds: float = 0.1) -> None:
    mark(f"begin {number}")
    time.sleep(seconds)
    mark(f"end {number}")


@app.task(max_concurrency=1)
def hog(number: int, seconds: float) -> None:
    """Let no other thread of this process run for about so long."""
    mark(f"begin {number}")
    # PyDLL keeps the interpreter locked while the C library sleeps.
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))
    mark(f"end {number}")


@app.task(concurrency_key="customer")
def bill(customer: str, number: int) -> None:
    mark(f"begin {customer}")
    time.sleep(0.05)
    mark(f"end {customer}")


@app.task
def show(number: int, seconds: float = 0.2) -> None:
    mark(f"begin {number}")
    time.sleep(seconds)
    mark(f"end {number}")


@app.task(unique=True)
def report(region: str, seconds: float = 0.5) -> str:
    mark(f"report {region}")
    time.sleep(seconds)
    return region
