"""Started pools, and workers of the zoo, ended after their tests."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.pools import KINDS, Rig
from tests.integration.cli.running import Place, Program

PREFORK = next(kind for kind in KINDS if kind.name == "prefork")
ZOO = Path(__file__).with_name("zoo.py")

#: What the command line is told for each.
POOLS = {
    "prefork": ("-P", "prefork"),
    "spawn": ("-P", "prefork", "--pool-start-method", "spawn"),
    "threads": ("-P", "threads"),
    "solo": ("-P", "solo"),
    "asyncio": ("-P", "asyncio"),
    "gevent": ("-P", "gevent"),
    "eventlet": ("-P", "eventlet"),
}


@pytest.fixture
def prefork(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Makes prefork pools with the options given."""
    made: list[Rig] = []

    def make(**options: Any) -> Rig:
        rig = Rig(PREFORK, tmp_path, **options)
        made.append(rig)
        return rig.start()

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def zoo(tmp_path: Path) -> Iterator[Place]:
    """A folder with the zoo in it."""
    yield from place_of_zoo(tmp_path)


def place_of_zoo(folder: Path) -> Iterator[Place]:
    shutil.copy(ZOO, folder / "zoo.py")
    place = Place(folder)
    try:
        yield place
    finally:
        place.close()
        left = place.left_over()
    assert left == []


def worker_of(place: Place, pool: str, *words: str, **environ: str) -> Program:
    """Start a worker of the zoo with a pool, and wait until it is ready."""
    told = ("-A", "zoo", "worker", "-l", "INFO", "-c", "2", *POOLS[pool], *words)
    worker = place.start(*told, environ=environ)
    worker.until_it_says(" ready.")
    return worker
