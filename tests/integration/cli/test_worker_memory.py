"""An idle worker keeps little in memory: what each of its processes has imported is looked at.

How many MiB that comes to is measured by `python -m benchmarks idle`.
"""

import json
import os
from pathlib import Path

from tests.integration.cli.running import Place

#: Writes what the hub has imported when it is asked to stop. What dependency-injector imports where
#: it happens to be installed is hidden.
LEAN = """
import json, sys
from celeriac import Celeriac, signals

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in ("fastapi", "fast_depends", "pydantic", "pydantic_settings", "starlette",
                    "werkzeug", "werkzeug.local", "yaml"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hidden())
app = Celeriac("lean")

@app.task
def imported():
    return sorted(sys.modules)

@signals.worker_shutting_down.connect(weak=False)
def write(**told):
    with open("hub.json", "w") as file:
        json.dump(sorted(sys.modules), file)
"""

#: What an idle worker does without in all its processes.
NOWHERE = (
    # for TLS, hashes, the metadata of packages, archives and e-mail: see late_modules
    *("_ssl", "_hashlib", "email", "zipfile", "csv", "importlib.resources", "tempfile", "shutil"),
    "pathlib",
    # for probes that nobody asked for
    *("http", "html", "socketserver", "celeriac.entrypoints.web.probes"),
    # for what default settings do not use
    *("zoneinfo", "sqlalchemy.orm", "sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql"),
    *("celeriac.adapters.pools.guard", "celeriac.adapters.pools.shared", "celeriac.adapters.redis"),
    *("celeriac.adapters.kombu", "celeriac.entrypoints.beat", "celeriac.entrypoints.testing"),
    *("celeriac.entrypoints.celery_modules", "celeriac.entrypoints.stages"),
    *("kombu", "redis", "amqp", "unittest", "argparse", "xml", "concurrent.futures.thread"),
)
#: What is the hub's alone: imported once the nursery has forked.
HUBS_OWN = (
    *("asyncio", "ssl", "hashlib", "importlib.metadata", "urllib"),
    *("sqlalchemy", "sqlite3", "dependency_injector", "celeriac.adapters.sql"),
    *("celeriac.entrypoints.container", "celeriac.entrypoints.hub", "celeriac.entrypoints.web"),
    *("celeriac.entrypoints.presence", "celeriac.entrypoints.surroundings"),
    *("celeriac.application.work", "celeriac.application.commands", "celeriac.domain.work.core"),
    *("celeriac.domain.cluster.events", "celeriac.domain.cluster.control"),
)


def session_of(leader: int) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if session(pid) == leader]


def session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def among(imported: list[str], names: tuple[str, ...]) -> list[str]:
    return sorted(set(imported) & set(names))


def test_the_processes_of_an_idle_worker_import_no_more_than_they_need(place: Place):
    (place.folder / "lean.py").write_text(LEAN)
    worker = place.start("-A", "lean", "worker", "-c", "2", "-l", "INFO")
    worker.until_it_says(" ready.")

    # A child has all that the nursery has: it is a copy of it.
    child = place.app.send_task("lean.imported").get(timeout=20)
    processes = session_of(worker.pid)
    assert worker.stop() == 0
    hub = json.loads((place.folder / "hub.json").read_text())

    assert len(processes) == 4, "there should be a hub, a nursery and two children"
    assert among(child, NOWHERE + HUBS_OWN) == []
    assert among(hub, NOWHERE) == []
    assert among(hub, HUBS_OWN) == sorted(HUBS_OWN), "what is named here is imported elsewhere"
