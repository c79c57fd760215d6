"""Histories of whole clusters: many seeds, each with its own faults.

`CELERIAC_SIM_SEEDS` says how many (300 without it), `CELERIAC_SIM_FIRST` which is the first.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cluster import Cluster
from .flows import id_added
from .invariants import check
from .ledger import REPLACED
from .relays import ChainCluster

FIRST = int(os.environ.get("CELERIAC_SIM_FIRST", "0"))
SEEDS = int(os.environ.get("CELERIAC_SIM_SEEDS", "300"))
#: Seeds of one test, so that a long run shows how far it is.
BLOCK = 25

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def lived(seed: int) -> Cluster:
    cluster = Cluster(seed)
    cluster.live()
    return cluster


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS, BLOCK))
def test_no_fault_makes_a_cluster_lose_or_double_anything(first: int):
    for seed in range(first, min(first + BLOCK, FIRST + SEEDS)):
        cluster = Cluster(seed)
        try:
            cluster.live()
            check(cluster)
        except Exception as broken:
            last = "\n".join(cluster.ledger.trace[-40:])
            pytest.fail(
                f"seed {seed}: {type(broken).__name__}: {broken}\n\nreplay it with\n"
                f"  CELERIAC_SIM_FIRST={seed} CELERIAC_SIM_SEEDS=1 pytest tests/simulation\n\n"
                f"the end of its history:\n{last}"
            )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS // 3, BLOCK))
def test_no_fault_makes_links_that_follow_in_a_slot_lost_or_doubled(first: int):
    relayed = 0
    for seed in range(first, min(first + BLOCK, FIRST + SEEDS // 3)):
        cluster = ChainCluster(seed)
        try:
            cluster.live()
            check(cluster)
        except Exception as broken:
            last = "\n".join(cluster.ledger.trace[-40:])
            pytest.fail(f"seed {seed}: {type(broken).__name__}: {broken}\n\nits end:\n{last}")
        relayed += cluster.relayed

    assert relayed > 0


def test_a_seed_is_a_history():
    one, again, other = lived(7), lived(7), lived(8)

    assert one.ledger.trace == again.ledger.trace
    assert one.ledger.trace != other.ledger.trace


def test_a_seed_is_the_same_history_in_another_process():
    """The order of sets differs there, and must not show."""
    program = (
        "import logging; logging.disable(logging.CRITICAL)\n"
        "from tests.simulation.cluster import Cluster\n"
        "cluster = Cluster(7); cluster.live(); print('\\n'.join(cluster.ledger.trace))"
    )

    traces = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]

    assert traces[0] == traces[1] == "\n".join(lived(7).ledger.trace) + "\n"


def test_histories_hold_what_they_are_made_for():
    """A simulation in which nothing goes wrong would prove nothing."""
    clusters = [lived(seed) for seed in range(40)]
    traces = "\n".join(line for one in clusters for line in one.ledger.trace)
    accepted = {attempt for one in clusters for attempt in one.ledger.accepted}

    seen = {
        "replaced twice": any(number >= 2 * REPLACED for _, number in accepted),
        "added to a chord": any((id_added(id_), 0) in accepted for id_, _ in accepted),
    } | {
        what: what in traces
        for what in (
            "may not settle",
            "may not commit",
            "may not mark",
            "Requeue(crashed=True)",
            "Park(",
            "reason='crashes'",
            "reason='undecodable'",
            "reason='unknown-task'",
            "killed after marking",
            "killed before settling",
            "killed after settling",
            "killed after claiming",
            "a settlement of",
            "cannot reach the store",
            "the wall clock jumps",
            "a beat is killed",
            "pauses until",
            "leaves",
            "is revoked",
        )
    }

    assert all(seen.values()), [what for what, was_seen in seen.items() if not was_seen]
