"""Work-flows of every kind come to their end though their workers are killed, on every store.

Where one store holds messages and results, whatever follows is published once. Where there are two
it may be published again by whoever takes over, under the same id: run again, but never doubled.
"""

from collections import Counter
from random import Random

import pytest

from celeriac.exceptions import ChordError
from tests.integration.canvas.killing import PATIENCE, KilledSite
from tests.integration.canvas.stores import STORES

#: Work-flows of each kind, and how often somebody is killed while they run.
TIMES, KILLS = 8, 4


@pytest.mark.timeout(120)
@pytest.mark.parametrize("site", STORES, indirect=True)
def test_every_work_flow_ends_as_it_should_though_workers_are_killed(site: KilledSite):
    chance = Random(4)
    kinds = site.made["KINDS"] * TIMES
    names = {f"f{n}.{part}" for n, (_, _, parts) in enumerate(kinds) for part in parts.split()}
    for _ in range(2):
        site.killed_worker()

    flows = [make(f"f{number}") for number, (make, _, _) in enumerate(kinds)]
    results = site.app.publish_many(flows)
    for kill in range(1, KILLS + 1):
        enough = len(names) * kill // (KILLS + 2)
        site.until(lambda enough=enough: len(site.ids()) >= enough)
        site.kill_one(chance)

    values = [result.get(timeout=PATIENCE, propagate=False) for result in results]
    ends = ["ChordError" if isinstance(value, ChordError) else value for value in values]
    assert ends == [worth for _, worth, _ in kinds]
    site.until(lambda: site.ids().keys() >= names)
    assert {name: len(ids) for name, ids in site.ids().items()} == dict.fromkeys(names, 1)
    site.until(lambda: site.app.broker.depth([site.queue]) == {site.queue: 0})
    assert site.app.broker.dead(site.queue, 10) == []
    if site.is_atomic:
        # Again where a worker died. Published twice, one that nobody hurt would run it twice.
        runs = Counter((one.name, one.worker) for one in site.begun())
        assert {run: n for run, n in runs.items() if n > 1 and run[1] not in site.hurt} == {}
