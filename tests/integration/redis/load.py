"""Workers in processes of their own under load, and the account of every task they were sent."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep, time

from celeriac import Celeriac
from celeriac.domain.errors import OperationalError

APP = Path(__file__).with_name("load_app.py")
#: A line of a worker's log, and what it says of which task.
_ABOUT_TASK = re.compile(r"\[([\d :,-]+): \w+/\S+\] Task \w+\[([\w-]+)\] (\w+)")
ROOT = Path(__file__).parents[3]
#: Seconds a publisher may take to be told yes or no.
DEADLINE = 3.0
#: Seconds for all to be over on a busy machine.
PATIENCE = 45.0


@dataclass
class Sent:
    """What a publisher was told of its tasks."""

    #: Kind by id, of tasks that were accepted.
    accepted: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    slowest: float = 0.0


class Load:
    """A folder with an app, its workers, and a client that sends all the time."""

    def __init__(self, folder, settings, lease=2):
        self.folder, self.lease = Path(folder), lease
        shutil.copy(APP, self.folder / "load_app.py")
        self.settings = {
            "broker_publish_timeout": DEADLINE,
            "worker_lease": lease,
            "worker_hijack_root_logger": True,
            **settings,
        }
        self.app = Celeriac("load", set_as_current=False)
        self.app.conf.update(self.settings)
        self.sent = Sent()
        #: Results outlive their test: no other's are to be taken for these.
        self._mark = secrets.token_hex(4)
        self.workers = []
        self.kills = {}
        self._over = threading.Event()
        self._publisher = threading.Thread(target=self._publish, daemon=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait()
        if self._publisher.ident is not None:
            self._publisher.join(DEADLINE + 2)
        self.app.close()

    # -- workers

    def worker(self, *words):
        """Start a worker with two children."""
        name = f"w{len(self.workers)}"
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("CELERY", "CELERIAC"))}
        environ |= {
            "LOAD_SETTINGS": json.dumps(self.settings),
            "LOAD_WORKER": name,
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "celeriac", "-A", "load_app", "worker"]
        command += ["-c", "2", "-n", name, "-l", "INFO", *words]
        with (self.folder / f"{name}.log").open("wb") as log:
            worker = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environ,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.workers.append(worker)
        return worker

    def until_ready(self, worker):
        """Wait until a worker says that it is ready."""
        log = self._log(worker)
        self.eventually(lambda: " ready." in log.read_text(), f"{log.name} does not start")
        return worker

    def kill(self, worker):
        """End a worker's hub as the kernel would for want of memory."""
        self.kills[f"w{self.workers.index(worker)}"] = time()
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    # -- tasks

    def begin(self, pause=0.01, seconds=0.01):
        """Send tasks of both kinds by turns, all the time, each of so many seconds."""
        self._pause, self._seconds = pause, seconds
        self._publisher.start()

    def end(self):
        """Send no more."""
        self._over.set()
        self._publisher.join(DEADLINE + 2)
        assert not self._publisher.is_alive(), "the publisher hangs"

    def _publish(self):
        number = 0
        while not self._over.wait(self._pause):
            number += 1
            kind, began = ("late", "early")[number % 2], monotonic()
            try:
                task_id = f"{kind}-{self._mark}-{number}"
                # A publication that is tried again may be two messages: the first answer was lost.
                self.app.send_task(
                    kind, (task_id, self._seconds), task_id=task_id, retry=kind == "late"
                )
            except OperationalError:
                self.sent.refused += 1
            else:
                self.sent.accepted[task_id] = kind
            self.sent.slowest = max(self.sent.slowest, monotonic() - began)

    # -- the account

    def until_all_are_over(self, seconds=PATIENCE):
        """Wait until every accepted task has a result."""
        left = list(self.sent.accepted)

        def none_left():
            records = self.app.results.fetch(left)
            left[:] = [
                name
                for name, one in zip(left, records, strict=True)
                if one is None or not one.ready
            ]
            return not left

        self.eventually(
            none_left, lambda: f"{len(left)} tasks are not accounted for: {left[:5]}", seconds
        )

    def ends(self):
        """Count what became of the accepted tasks: `kind state` or `kind state error`."""
        counted = Counter()
        for name, kind in self.sent.accepted.items():
            result = self.app.AsyncResult(name)
            value = result.get(timeout=5, propagate=False)
            error = "" if result.state == "SUCCESS" else f" {type(value).__name__}"
            counted[f"{kind} {result.state}{error}"] += 1
        return counted

    def marks(self):
        """Return (what, task, when, worker) of all that was begun and ended."""
        file = self.folder / "marks.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        rows = (line.split() for line in lines)
        return [(what, name, float(when), worker) for what, name, when, worker in rows]

    def repeated(self):
        """Return the tasks that were begun again against their wish: they acknowledge early."""
        begun = Counter(name for what, name, _, _ in self.marks() if what == "begin")
        return [name for name, times in begun.items() if times > 1 and name.startswith("early")]

    def first_end_after(self, moment):
        """Return how many seconds after a moment the first task ended."""
        ended = [when for what, _, when, _ in self.marks() if what == "end" and when > moment]
        return min(ended) - moment if ended else float("inf")

    def recoveries(self):
        """Return the seconds from each kill until another worker had each task it left behind.

        Taken from the workers' logs: what a killed worker's log says last of a task is that it was
        received, and another's says later that it was lost or received there.
        """
        said = self._said_of_tasks()
        seconds = []
        for told in said.values():
            for worker in {by for _, by, _ in told} & set(self.kills):
                killed = self.kills[worker]
                if max(one for one in told if one[1] == worker)[2] != "received":
                    continue
                again = [when for when, by, _ in told if by != worker and when > killed]
                seconds += [min(again) - killed] if again else []
        return sorted(seconds)

    def _said_of_tasks(self):
        """Return (when, worker, what) of each task in the logs."""
        said = {}
        for log in self.folder.glob("w*.log"):
            for when, name, what in _ABOUT_TASK.findall(log.read_text()):
                moment = datetime.strptime(when, "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp()
                said.setdefault(name, []).append((moment, log.stem, what))
        return said

    def eventually(self, true, otherwise, seconds=PATIENCE):
        end = monotonic() + seconds
        while not true():
            text = otherwise if isinstance(otherwise, str) else otherwise()
            assert monotonic() < end, f"{text}\n{self}"
            sleep(0.05)

    def _log(self, worker):
        return self.folder / f"w{self.workers.index(worker)}.log"

    def __str__(self):
        logs = sorted(self.folder.glob("w*.log"))
        return "\n".join(f"{log.name}:\n{log.read_text()[-3000:]}" for log in logs[-3:])
