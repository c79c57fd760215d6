"""`pool_restart`: a worker whose tasks were edited runs them as they are now, without a stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.running import Place, eventually

SETTINGS = """
app.conf.worker_pool_restarts = True
"""
TASKS = """
from shop import app

@app.task(name="shop.price")
def price():
    return "old price"
"""
EDITED = """
from shop import app

@app.task(name="shop.price")
def price():
    return "the new price"

@app.task(name="shop.discount")
def discount():
    return "a new task"
"""


@pytest.fixture
def shop(place: Place) -> Place:
    """A shop with tasks in a module of their own, whose pools may be restarted."""
    app = place.folder / "shop.py"
    app.write_text(app.read_text() + SETTINGS)
    tasks(place).write_text(TASKS)
    return place


def tasks(place: Place) -> Path:
    return place.folder / "prices.py"


def restarted(place: Place, **arguments: object) -> str:
    """Ask for a restart; return the answer."""
    (answer,) = place.app.control.pool_restart(reply=True, limit=1, timeout=20, **arguments)
    ((said),) = answer.values()
    return said


@pytest.mark.parametrize("pool", ["prefork", "asyncio"])
def test_edited_tasks_run_and_what_ran_goes_on(shop, pool):
    worker = shop.worker("-P", pool, "-c", "2", "-I", "prices")
    assert shop.send("price").get(timeout=20) == "old price"
    nap = shop.send("nap", "long", 2)
    shop.until_begun("long")

    tasks(shop).write_text(EDITED)
    said = restarted(shop, modules=["prices"], reload=True)
    worker.until_it_says("the old ones leave")

    assert said == {"ok": "reload started"}
    assert shop.send("price").get(timeout=20) == "the new price"
    assert shop.send("discount").get(timeout=20) == "a new task"
    assert nap.get(timeout=20) == "long"


def test_modules_that_raise_are_told_and_change_nothing(shop):
    shop.worker("-P", "prefork", "-c", "1", "-I", "prices")

    tasks(shop).write_text("raise ValueError('not today')")
    said = restarted(shop, modules=["prices"], reload=True)

    assert said == {"error": "ValueError('not today')"}
    assert shop.send("price").get(timeout=20) == "old price"


def test_a_program_that_cannot_start_any_more_leaves_the_old_one_at_work(shop):
    worker = shop.worker("-P", "prefork", "-c", "1", "-I", "prices")
    assert shop.send("price").get(timeout=20) == "old price"

    tasks(shop).write_text("raise ValueError('not today')")
    said = restarted(shop)
    worker.until_it_says("the pool goes on as it was")

    assert said == {"ok": "reload started"}
    assert "not today" in worker.output
    assert shop.send("price").get(timeout=20) == "old price"


def test_a_pool_in_the_workers_own_process_says_what_to_do(shop):
    shop.worker("-P", "threads", "-c", "1")

    assert "restart the worker (SIGHUP does it in place)" in restarted(shop)["error"]


def test_the_modules_may_be_loaded_by_a_function_of_ones_own(shop):
    (shop.folder / "reloading.py").write_text(
        "from pathlib import Path\n"
        "def reload(module):\n"
        "    Path('reloaded.txt').write_text(module.__name__)\n"
    )
    shop.worker("-P", "prefork", "-c", "1", "-I", "prices")

    said = restarted(shop, modules=["prices"], reload=True, reloader="reloading:reload")

    assert said == {"ok": "reload started"}
    file = shop.folder / "reloaded.txt"
    eventually(file.exists, lambda: str(shop))
    assert file.read_text() == "prices"
