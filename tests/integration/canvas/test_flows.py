"""Chains and groups on SQLite, run by prefork workers that are killed."""

import signal
from collections import Counter, defaultdict

from celeriac import chain, group
from tests.integration.canvas.conftest import FlowPlace
from tests.integration.cli.running import eventually

CHAINS, LINKS, KILLS = 60, 8, 3


def step(place: FlowPlace, *args):
    return place.app.signature("flow.step", args=args)


def total(place: FlowPlace, *args):
    return place.app.signature("flow.total", args=args)


def test_a_chain_that_ends_in_a_group_is_run_by_a_prefork_worker(place: FlowPlace):
    flow = chain(step(place, [0], 1), step(place, 2), group(total(place), step(place, 3)))
    result = flow.apply_async()
    result.save()
    worker = place.flow_worker("one")

    restored = place.app.GroupResult.restore(result.id)

    assert restored.get(timeout=20) == [3, [0, 1, 2, 3]]
    assert [child.id for child in restored.parent.children] == [result.id]
    assert worker.stop() == 0


def test_a_group_of_thousands_is_waited_for(place: FlowPlace):
    place.flow_worker("one", lease=30)

    result = group(total(place, [n, 1]) for n in range(3000)).apply_async()

    assert result.get(timeout=60) == list(range(1, 3001))
    assert result.completed_count() == 3000


def test_every_link_of_many_chains_is_published_once_though_workers_are_killed(place: FlowPlace):
    flows = [
        chain(step(place, [n], 0), *(step(place, link) for link in range(1, LINKS)))
        for n in range(CHAINS)
    ]
    results = place.app.publish_many(flows)
    for kill in range(1, KILLS + 1):
        worker = place.flow_worker(f"worker{kill}")
        enough = CHAINS * LINKS * kill // (KILLS + 2)
        eventually(lambda enough=enough: len(place.marks()) >= enough, lambda: str(place))
        worker.send(signal.SIGKILL)
        worker.exit_code()
    place.flow_worker("last")

    assert [one.get(timeout=60) for one in results] == [[n, *range(LINKS)] for n in range(CHAINS)]
    ids_of = defaultdict(set)
    runs: Counter[tuple[str, str]] = Counter()
    for line in place.marks():
        flow, link, id_, worker_name = line.split()
        ids_of[int(flow), int(link)].add(id_)
        runs[id_, worker_name] += 1
    frozen = [list(reversed(one.as_list())) for one in results]
    assert ids_of == {(n, link): {frozen[n][link]} for n in range(CHAINS) for link in range(LINKS)}
    # A link runs again where its worker died. Published twice, one worker would run it twice.
    assert [run for run, count in runs.items() if count > 1] == []
    assert len({name for _, name in runs}) == KILLS + 1
    assert place.app.broker.dead("celery", 10) == []
