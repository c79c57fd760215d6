"""Tasks that misbehave: the worker lives, and the result says what happened, in every pool."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.cli.running import PATIENCE, Place, Program
from tests.integration.pools.conftest import POOLS, place_of_zoo, worker_of

#: Pools whose tasks have processes to themselves, of which the worker's is none.
APART = ("prefork", "spawn", "asyncio", "gevent", "eventlet")
#: Pools that can give a job up.
LIMITED = tuple(pool for pool in POOLS if pool != "solo")


@dataclass(frozen=True)
class Cage:
    """A worker with one pool."""

    pool: str
    place: Place
    worker: Program

    def error(self, name: str, **options: Any) -> Any:
        result = self.place.app.send_task(f"zoo.{name}", **options)
        found = result.get(timeout=PATIENCE, propagate=False)
        assert result.state == "FAILURE", f"{name}: {found!r}\n{self.worker}"
        return found

    def value(self, name: str, *args: Any, **options: Any) -> Any:
        return self.place.app.send_task(f"zoo.{name}", args, **options).get(timeout=PATIENCE)

    def is_well(self) -> bool:
        return bool(self.value("where")["pid"]) and self.worker.process.poll() is None


@pytest.fixture(scope="module", params=POOLS)
def cage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cage]:
    for place in place_of_zoo(tmp_path_factory.mktemp(request.param)):
        worker = worker_of(place, request.param)
        yield Cage(request.param, place, worker)
        assert worker.stop() == 0


def only(cage: Cage, pools: tuple[str, ...], why: str) -> None:
    if cage.pool not in pools:
        pytest.skip(why)


def test_a_task_that_asks_the_interpreter_to_end_has_failed_and_no_more(cage: Cage):
    assert repr(cage.error("sys_exit")) == "SystemExit(4)"
    assert cage.is_well()


def test_a_value_that_cannot_be_encoded_is_a_failure(cage: Cage):
    assert type(cage.error("unencodable")).__name__ == "EncodeError"
    assert cage.is_well()


def test_an_exception_that_can_be_neither_shown_nor_pickled_is_named(cage: Cage):
    assert type(cage.error("mute")).__name__ == "Mute"
    assert cage.is_well()


def test_a_task_that_takes_too_much_memory_has_failed(cage: Cage):
    assert type(cage.error("eat_memory")).__name__ == "MemoryError"
    assert cage.is_well()


@pytest.mark.parametrize(
    ("name", "end"), [("exit_hard", "exited with code 3"), ("segfault", "(SIGSEGV)")]
)
def test_a_task_that_ends_its_process_is_told_lost_and_the_process_replaced(
    cage: Cage, name: str, end: str
):
    only(cage, APART, "its tasks run in the worker's own process")

    error = cage.error(name)

    assert (type(error).__name__, end in str(error)) == ("WorkerLostError", True)
    assert cage.is_well()


def test_a_task_learns_of_its_soft_limit(cage: Cage):
    assert cage.value("spin", 20, soft_time_limit=0.2) == "softly"
    assert cage.value("impatient") == "softly"


def test_a_coroutine_learns_of_its_soft_limit_where_it_waits(cage: Cage):
    assert cage.value("async_impatient") == "softly"


def test_a_task_that_blocks_signals_and_never_ends_is_ended_by_its_hard_limit(cage: Cage):
    only(cage, LIMITED, "it cannot end a task")

    assert type(cage.error("block_signals", time_limit=0.3)).__name__ == "TimeLimitExceeded"
    assert cage.is_well()


def test_a_coroutine_that_will_not_be_cancelled_loses_its_slot(cage: Cage):
    only(cage, ("asyncio",), "it runs coroutines one by one")

    error = cage.error("async_nap_on", args=(0.05,), time_limit=0.2)

    assert type(error).__name__ == "TimeLimitExceeded"
    assert cage.is_well()
