"""Where each pool runs its tasks: in which process, in what kind of world, announced by what."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.integration.cli.running import PATIENCE, ROOT, Place, eventually
from tests.integration.pools.conftest import worker_of


@pytest.mark.parametrize(("pool", "made_of"), [("gevent", "gevent"), ("eventlet", "eventlet")])
def test_green_threads_live_in_a_patched_child_of_an_unpatched_worker(
    zoo: Place, pool: str, made_of: str
):
    worker = worker_of(zoo, pool, ZOO_LISTENS="1")

    found = zoo.app.send_task("zoo.where").get(timeout=PATIENCE)
    began = time.monotonic()
    naps = [zoo.app.send_task("zoo.nap", (0.5,)) for _ in range(2)]
    pids = {nap.get(timeout=PATIENCE) for nap in naps}
    took = time.monotonic() - began

    assert (found["socket"].split(".")[0], found["lock"].split(".")[0]) == (made_of, made_of)
    assert pids == {found["pid"]} != {worker.pid}
    assert took < 0.95
    assert worker.stop() == 0
    heard = [line.split() for line in (zoo.folder / "heard.txt").read_text().splitlines()]
    there = [name for name, pid in heard if pid == str(found["pid"])]
    own = ["eventlet_pool_started", *["eventlet_pool_apply"] * 3]
    own += ["eventlet_pool_preshutdown", "eventlet_pool_postshutdown"]
    assert there == ["worker_init", *(own if pool == "eventlet" else [])]


@pytest.mark.parametrize("pool", ["asyncio", "spawn"])
def test_processes_of_a_pool_are_announced_by_themselves(zoo: Place, pool: str):
    worker = worker_of(zoo, pool, "-c", "1", ZOO_LISTENS="1")

    pid = zoo.app.send_task("zoo.where").get(timeout=PATIENCE)["pid"]
    assert worker.stop() == 0

    heard = [line.split() for line in (zoo.folder / "heard.txt").read_text().splitlines()]
    there = [name for name, process in heard if process == str(pid)]
    assert there == ["worker_process_init", "worker_process_shutdown"]
    assert [name for name, process in heard if process == str(worker.pid)] == ["worker_init"]


def test_coroutines_that_interleave_each_know_their_own_request(zoo: Place):
    worker_of(zoo, "asyncio", "-c", "50")

    naps = [zoo.app.send_task("zoo.async_nap", (0.2,)) for _ in range(50)]

    assert [nap.get(timeout=PATIENCE) for nap in naps] == [[nap.id] * 4 for nap in naps]


def test_what_is_set_on_the_command_line_holds_in_fresh_children(zoo: Place):
    worker = worker_of(zoo, "gevent", "--", "result_serializer=yaml", "accept_content=json,yaml")

    result = zoo.app.send_task("zoo.spin", (0,))
    store = zoo.app.container.results()
    eventually(lambda: store.fetch([result.id]) != [None], lambda: str(worker))

    (record,) = store.fetch([result.id])
    assert record is not None
    assert record.result.data == b"in full\n...\n"


def test_a_child_of_green_threads_that_dies_is_replaced(zoo: Place):
    worker = worker_of(zoo, "gevent")
    before = zoo.app.send_task("zoo.where").get(timeout=PATIENCE)["pid"]
    held = zoo.app.send_task("zoo.nap", (60,))
    eventually(lambda: f"zoo.nap[{held.id}] received" in worker.output, lambda: str(worker))
    zoo.app.send_task("zoo.nap", (0,)).get(timeout=PATIENCE)

    os.kill(before, signal.SIGKILL)
    error = held.get(timeout=PATIENCE, propagate=False)

    assert "was killed by signal 9 (SIGKILL)" in str(error)
    assert zoo.app.send_task("zoo.where").get(timeout=PATIENCE)["pid"] != before


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_a_library_that_is_missing_is_named_with_its_extra(zoo: Place, library: str):
    hide = f"""
        import importlib.util
        there = importlib.util.find_spec
        importlib.util.find_spec = lambda name: None if name == {library!r} else there(name)
    """
    (zoo.folder / "sitecustomize.py").write_text(textwrap.dedent(hide))

    done = zoo.run("-A", "zoo", "worker", "-P", library, environ={"PYTHONPATH": str(zoo.folder)})

    assert done.returncode == 1
    assert f"pip install 'celeriac[{library}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_installed_package_may_bring_a_pool(zoo: Place):
    install(zoo.folder, "shop_pool-1.0", "[celeriac.pools]\nhands = shop_pool:HandsPool\n")
    (zoo.folder / "shop_pool.py").write_text(
        "from celeriac.adapters.pools.threads import ThreadsPool\n"
        "class HandsPool(ThreadsPool):\n"
        "    pass\n"
    )
    path = {"PYTHONPATH": str(zoo.folder)}

    worker = zoo.start("-A", "zoo", "worker", "-l", "INFO", "-P", "hands", environ=path)
    worker.until_it_says(" ready.")
    refused = zoo.run("-A", "zoo", "worker", "-P", "feet", environ=path)

    assert zoo.app.send_task("zoo.where").get(timeout=PATIENCE)["pid"] == worker.pid
    assert "worker_pool='feet': there is no such pool; known: asyncio, eventlet" in refused.stderr
    assert "hands" in refused.stderr


def test_a_pool_may_be_named_by_its_class(zoo: Place):
    path = "celeriac.adapters.pools.threads:ThreadsPool"
    worker = zoo.start(
        *("-A", "zoo", "worker", "-l", "INFO", "-P", "custom"),
        environ={"CELERY_CUSTOM_WORKER_POOL": path},
    )
    worker.until_it_says(" ready.")
    refused = zoo.run("-A", "zoo", "worker", "-P", "shop.pools:Nothing")

    assert zoo.app.send_task("zoo.where").get(timeout=PATIENCE)["pid"] == worker.pid
    assert "worker_pool='shop.pools:Nothing' cannot be imported" in refused.stderr


def test_an_app_that_cannot_be_imported_is_no_app_for_fresh_children(zoo: Place):
    (zoo.folder / "script.py").write_text(
        "from celeriac import Celeriac\n"
        "app = Celeriac('script', broker='sqlite:///s.db')\n"
        "app.worker_main(['worker', '-P', 'gevent'])\n"
    )

    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=zoo.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 1
    assert "is an attribute of no module that could be imported there" in done.stderr


def install(folder: Path, name: str, entry_points: str) -> None:
    """Put a distribution's own files into a folder of the path."""
    info = folder / f"{name}.dist-info"
    info.mkdir()
    title, _, version = name.partition("-")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {title}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entry_points)


def test_a_pool_grows_with_the_work_and_shrinks_without(zoo: Place):
    worker = worker_of(zoo, "prefork", "--autoscale=3,1", AUTOSCALE_KEEPALIVE="0.5")

    naps = [zoo.app.send_task("zoo.nap", (3,)) for _ in range(3)]
    pids = {nap.get(timeout=PATIENCE) for nap in naps}

    assert len(pids) == 3
    assert "scaling up 2 slots" in worker.output
    eventually(lambda: pids_now(zoo) == 1, lambda: str(worker))
    assert worker.stop() == 0


def pids_now(zoo: Place) -> int:
    """Ask the worker how many processes its pool has."""
    found = zoo.app.control.inspect(timeout=5, limit=1).stats() or {}
    return max((len(one["pool"]["processes"]) for one in found.values()), default=0)


def test_bounds_that_are_none_are_refused_with_an_example(zoo: Place):
    refused = zoo.run("-A", "zoo", "worker", "--autoscale=many")
    scaled = zoo.run("-A", "zoo", "worker", "-P", "solo", "--autoscale=3,1")

    assert (refused.returncode, scaled.returncode) == (2, 1)
    assert "'many': expected MAX,MIN or MAX, such as 10,3" in refused.stderr
    assert "autoscale=3,1: this pool cannot be resized" in scaled.stderr
