"""A worker as a user would start it: the command line, in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from celeriac import Celeriac

#: How long a worker may take to answer its first ping, and to end after SIGTERM, in seconds.
READY_SECONDS: Final = 30.0
STOP_SECONDS: Final = 30.0


class WorkerFailed(Exception):
    """The worker did not do what it should; its log says more."""

    def __init__(self, what: str, log: Path) -> None:
        super().__init__(f"{what}; its log:\n{_tail(log)}")


class WorkerProcess:
    """A worker that writes its log to a file."""

    def __init__(self, app: Celeriac, command: list[str], folder: Path) -> None:
        """Start it with `folder` as its working directory, where its SQLite file will be."""
        self.app, self.log = app, folder / "worker.log"
        root = Path(__file__).parents[2]
        path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
        with self.log.open("wb") as log:
            # A group of its own: Ctrl-C is for this program, which then stops the worker in order.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celeriac", *command],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def check(self) -> None:
        """Raise WorkerFailed if it has ended by itself."""
        code = self.process.poll()
        if code is not None:
            raise WorkerFailed(f"the worker ended by itself with exit code {code}", self.log)

    def wait_until_ready(self) -> None:
        """Ping until it answers."""
        ends = time.monotonic() + READY_SECONDS
        while not self.app.control.ping(timeout=0.25, limit=1):
            self.check()
            if time.monotonic() > ends:
                raise WorkerFailed(f"no answer from the worker in {READY_SECONDS:g} s", self.log)

    def stop(self) -> None:
        """Send SIGTERM and wait. Raises WorkerFailed if it does not end, or not with 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise WorkerFailed(f"the worker did not end in {STOP_SECONDS:g} s", self.log) from None
        if code != 0:
            raise WorkerFailed(f"the worker ended with exit code {code}", self.log)

    def kill(self) -> None:
        """End it and its children now, if they are still there."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def worker_running(app: Celeriac, concurrency: int, folder: Path) -> Iterator[WorkerProcess]:
    """Have a worker of the app run in `folder`; none is left behind, whatever happens."""
    command = ["-A", "examples.index_folder.app", "worker", "-c", str(concurrency)]
    options = ["--loglevel", "WARNING", "--grace-period", "10"]
    worker = WorkerProcess(app, [*command, *options], folder)
    try:
        worker.wait_until_ready()
        yield worker
        worker.stop()
    except BaseException:
        with suppress(WorkerFailed):
            worker.stop()
        raise
    finally:
        worker.kill()  # if it is still there: somebody was too impatient to let it stop


def _tail(log: Path, lines: int = 30) -> str:
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"  {line}" for line in text) or "  (empty)"
