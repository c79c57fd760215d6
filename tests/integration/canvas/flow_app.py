"""The app of these tests: its tasks note in a file what they did."""

import os
import time

from celeriac import Celeriac

STORE = os.environ.get("FLOW_STORE", "memory://")
app = Celeriac("flow", broker=STORE, backend=STORE)
app.conf.task_acks_late = True


def mark(text: str) -> None:
    file = os.open("marks.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{text}\n".encode())
    os.close(file)


@app.task(bind=True, name="flow.step")
def step(self, so_far: list[int], number: int) -> list[int]:
    mark(f"{so_far[0]} {number} {self.request.id} {self.request.hostname}")
    time.sleep(0.01)  # long enough for each worker to be killed before all is done
    return [*so_far, number]


@app.task(name="flow.total")
def total(values: list[int]) -> int:
    return sum(values)
