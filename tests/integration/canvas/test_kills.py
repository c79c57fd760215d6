"""Work-flows of every kind come to their end though their workers are killed, on every store.

Where one store holds messages and results, whatever follows is published once. Where there are two
it may be published again by whoever takes over, under the same id: run again, but never doubled.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from celeriac.exceptions import ChordError
from tests.integration.canvas.killing import PATIENCE, KilledPlace

#: Work-flows of each kind, and how often somebody is killed while they run.
TIMES, KILLS = 8, 4

STORES = [
    pytest.param(("sqlite", "sqlite"), id="sqlite"),
    pytest.param(("redis", "redis"), id="redis", marks=pytest.mark.needs_server("redis")),
    pytest.param(
        ("postgresql", "postgresql"),
        id="postgresql",
        marks=pytest.mark.needs_server("postgresql"),
    ),
    pytest.param(
        ("rabbitmq", "redis"),
        id="rabbitmq+redis",
        marks=pytest.mark.needs_server("rabbitmq", "redis"),
    ),
]


@pytest.fixture
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KilledPlace]:
    if sys.platform != "linux":
        pytest.skip("looks for stragglers in /proc")
    broker, results = (_url(request, name, tmp_path) for name in request.param)
    settings = {"broker_url": broker, "result_backend": results}
    place = KilledPlace(tmp_path, monkeypatch, settings)
    try:
        yield place
    finally:
        place.close()
        left = place.left_over()
    assert left == []


def _url(request: pytest.FixtureRequest, name: str, folder: Path) -> str:
    if name == "sqlite":
        return f"sqlite:///{folder / 'flows.sqlite3'}"
    return str(request.getfixturevalue(f"{name}_url"))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", STORES, indirect=True)
def test_every_work_flow_ends_as_it_should_though_workers_are_killed(place: KilledPlace):
    chance = Random(4)
    kinds = place.made["KINDS"] * TIMES
    names = {f"f{n}.{part}" for n, (_, _, parts) in enumerate(kinds) for part in parts.split()}
    for _ in range(2):
        place.killed_worker()

    flows = [make(f"f{number}") for number, (make, _, _) in enumerate(kinds)]
    results = place.app.publish_many(flows)
    for kill in range(1, KILLS + 1):
        enough = len(names) * kill // (KILLS + 2)
        place.until(lambda enough=enough: len(place.ids()) >= enough)
        place.kill_one(chance)

    values = [result.get(timeout=PATIENCE, propagate=False) for result in results]
    ends = ["ChordError" if isinstance(value, ChordError) else value for value in values]
    assert ends == [worth for _, worth, _ in kinds]
    place.until(lambda: place.ids().keys() >= names)
    assert {name: len(ids) for name, ids in place.ids().items()} == dict.fromkeys(names, 1)
    place.until(lambda: place.app.broker.depth([place.queue]) == {place.queue: 0})
    assert place.app.broker.dead(place.queue, 10) == []
    if place.is_atomic:
        # Again where a worker died. Published twice, one that nobody hurt would run it twice.
        runs = Counter((one.name, one.worker) for one in place.begun())
        assert {run: n for run, n in runs.items() if n > 1 and run[1] not in place.hurt} == {}
