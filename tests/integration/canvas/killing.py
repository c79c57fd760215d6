"""A folder with an app in it, workers that are killed by chance, and the account of what began."""

import json
import os
import runpy
import secrets
import shutil
import signal
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from tests.integration.cli.running import Place, Program, eventually

APP = Path(__file__).with_name("killed_app.py")
#: Seconds for everything to be over on a busy machine.
PATIENCE = 50.0


class Begun(NamedTuple):
    """That a task was begun: under which name and id, by which worker and process."""

    name: str
    id: str
    worker: str
    pid: int


class KilledSite(Place):
    """The app on a store, under a queue and keys of its own."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, Any]
    ) -> None:
        super().__init__(folder)
        self.app.close()
        self.queue = f"killed{secrets.token_hex(4)}"
        self.settings = json.dumps({**_own(self.queue, settings), **settings})
        #: Whether messages and results are in one store, so that settling is one step.
        self.is_atomic = settings["broker_url"] == settings["result_backend"]
        shutil.copy(APP, folder / "killed.py")
        monkeypatch.setenv("KILLED_SETTINGS", self.settings)
        self.made = runpy.run_path(str(folder / "killed.py"))
        self.app = self.made["app"]
        self.workers: dict[str, Program] = {}
        #: Workers of which a process was killed: they run again what that one had begun.
        self.hurt: set[str] = set()
        self._started = 0

    def killed_worker(self, *words: str) -> Program:
        """Start a worker that may be killed later."""
        self._started += 1
        name = f"w{self._started}@host"
        program = self.start(
            *("-A", "killed", "worker", "-l", "INFO", "-c", "2", "-n", name, *words),
            environ={"KILLED_SETTINGS": self.settings},
        )
        program.until_it_says(" ready.", PATIENCE)
        self.workers[name] = program
        return program

    def kill_one(self, chance: Random) -> None:
        """Kill a worker and start another, or kill a process of one, as the kernel might."""
        name = chance.choice(sorted(self.workers))
        if chance.random() < 0.7:
            worker = self.workers.pop(name)
            worker.send(signal.SIGKILL)
            worker.exit_code()
            self.killed_worker()
            return
        self.hurt.add(name)
        pids = [one.pid for one in self.begun() if one.worker == name]
        for pid in pids[-1:]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def begun(self) -> Sequence[Begun]:
        rows = [line.split() for line in self.marks()]
        return [Begun(name, id_, worker, int(pid)) for name, id_, worker, pid in rows]

    def ids(self) -> dict[str, set[str]]:
        """Return under which ids each name was begun."""
        ids: defaultdict[str, set[str]] = defaultdict(set)
        for one in self.begun():
            ids[one.name].add(one.id)
        return dict(ids)

    def until(self, true: Callable[[], bool]) -> None:
        eventually(true, self.__str__, PATIENCE)


def _own(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what keeps a test apart from others on the same servers."""
    prefix = {"global_keyprefix": f"{name}-"}
    own: dict[str, Any] = {"task_default_queue": name, "worker_lease": 3}
    if str(settings["result_backend"]).startswith("redis"):
        own["result_backend_transport_options"] = prefix
    if str(settings["broker_url"]).startswith("redis"):
        own["broker_transport_options"] = prefix
    return own
