"""The app that the workers under test run. It is copied to a folder of its own, as `shop.py`."""

import os
import time
from pathlib import Path

from celeriac import Celeriac

MARKS = Path(__file__).with_name("marks.txt")

app = Celeriac("shop")


def mark(text: str) -> None:
    """Append a line, whole even when many processes do so."""
    with MARKS.open("a") as file:
        file.write(f"{text}\n")


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task
def nap(name: str, seconds: float) -> str:
    mark(f"begin {name} {os.getpid()}")
    time.sleep(seconds)
    mark(f"end {name} {os.getpid()}")
    return name


@app.task(acks_late=True)
def late_nap(name: str, seconds: float) -> str:
    """Sleep the first time; when it is run again, return at once."""
    again = f"begin {name} " in (MARKS.read_text() if MARKS.exists() else "")
    mark(f"begin {name} {os.getpid()}")
    time.sleep(0 if again else seconds)
    mark(f"end {name} {os.getpid()}")
    return name


@app.task
def fail() -> None:
    raise ValueError("this shop is closed")


@app.task
def say(text: str) -> None:
    print(text)  # noqa: T201 - what is printed is what is tested


@app.task
def mourn(task_id: str) -> None:
    mark(f"mourned {task_id}")
