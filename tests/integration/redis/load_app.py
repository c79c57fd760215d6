"""The app that workers under load run. It is copied to a folder of its own, as `load_app.py`."""

import json
import os
import time
from pathlib import Path

from celeriac import Celeriac

MARKS = Path(__file__).with_name("marks.txt")
settings = json.loads(os.environ["LOAD_SETTINGS"])

app = Celeriac("load", set_as_current=False)
app.conf.update(settings)


def mark(what: str, name: str) -> None:
    """Append a line, whole even when many processes do so."""
    with MARKS.open("a") as file:
        file.write(f"{what} {name} {time.time():.6f} {os.environ.get('LOAD_WORKER', '-')}\n")


@app.task(name="late", acks_late=True)
def late(name: str, seconds: float = 0.01) -> str:
    """Be run again when the process that runs it dies."""
    return work(name, seconds)


@app.task(name="early")
def early(name: str, seconds: float = 0.01) -> str:
    """Be recorded as lost when the process that runs it dies."""
    return work(name, seconds)


def work(name: str, seconds: float) -> str:
    """Take some time, and leave marks of it."""
    mark("begin", name)
    time.sleep(seconds)
    mark("end", name)
    return name
