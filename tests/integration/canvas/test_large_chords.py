"""A chord over thousands of tasks completes once though its workers are killed.

`python -m benchmarks.big_chord` does the same with 130,000.
"""

from random import Random

import pytest

from tests.integration.canvas.killing import PATIENCE, KilledSite
from tests.integration.canvas.stores import STORES

SIZE, KILLS = 5000, 2


@pytest.mark.timeout(120)
@pytest.mark.parametrize("site", STORES, indirect=True)
def test_a_chord_over_thousands_of_tasks_is_completed_once_under_kills(site: KilledSite):
    chance = Random(1)
    quick, total, chord = (site.made[name] for name in ("quick", "total", "chord"))
    result = chord(quick.s(n) for n in range(SIZE))(total.s())
    for _ in range(2):
        site.killed_worker()

    for kill in range(1, KILLS + 1):
        left = SIZE * (KILLS + 1 - kill) // (KILLS + 1)
        site.until(lambda left=left: site.app.broker.depth([site.queue])[site.queue] <= left)
        site.kill_one(chance)

    assert result.get(timeout=PATIENCE) == [SIZE, sum(range(SIZE))]
    assert [one.name for one in site.begun()] == ["total"]
    site.until(lambda: site.app.broker.depth([site.queue]) == {site.queue: 0})
    assert site.app.broker.dead(site.queue, 10) == []
    assert all("was lost (worker_lease)" not in one.output for one in site.workers.values())
