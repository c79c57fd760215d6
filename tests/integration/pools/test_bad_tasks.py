"""Tasks that misbehave: the worker lives, and the result says what happened, in every pool."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.cli.running import PATIENCE, Place, Program, eventually
from tests.integration.pools.conftest import POOLS, place_of_zoo, worker_of

#: Pools whose tasks have processes to themselves, of which the worker's is none.
APART = ("prefork", "spawn", "asyncio", "gevent", "eventlet")
#: Pools whose tasks have a main thread, so that a signal wakes them from a call that waits.
WOKEN = ("prefork", "spawn", "solo", "gevent", "eventlet")


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

    def told(self, task_id: str) -> list[tuple[str, str]]:
        """Return what the zoo was told of a task, and with which error."""
        file = self.place.folder / "told.txt"
        lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        return [(what, error) for id_, what, error, _ in lines if id_ == task_id]

    def until_told(self, task_id: str, what: str) -> None:
        eventually(
            lambda: what in dict(self.told(task_id)), lambda: f"{self.told(task_id)}\n{self.worker}"
        )

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


def test_a_task_that_waits_in_one_call_is_woken_by_its_soft_limit(cage: Cage):
    only(cage, WOKEN, "its tasks run in threads, which nothing wakes")

    assert cage.value("doze", 20, soft_time_limit=0.2) == "softly"


def test_a_task_that_waits_in_one_call_is_ended_by_its_hard_limit(cage: Cage):
    assert type(cage.error("nap", args=(3,), time_limit=0.3)).__name__ == "TimeLimitExceeded"
    assert cage.is_well()


@pytest.mark.parametrize("name", ["nap", "async_nap"])
def test_a_task_past_its_hard_limit_is_told_to_have_failed_once(cage: Cage, name: str):
    on_error = cage.place.app.signature("zoo.on_error")

    cage.error(name, args=(3,), task_id=f"late-{name}", time_limit=0.3, link_error=on_error)

    cage.until_told(f"late-{name}", "errback")
    # Its thread is free again, so that all it had to say is said.
    assert cage.is_well()
    told = cage.told(f"late-{name}")
    assert [line for line in told if line[0] in ("failure", "errback")] == [
        ("failure", "TimeLimitExceeded"),
        ("errback", "TimeLimitExceeded"),
    ]
    if cage.pool == "solo":  # its process goes on, where others end or are given up
        assert ("postrun", "NoneType") in told


@pytest.mark.parametrize("name", ["nap", "async_nap"])
def test_a_task_that_is_revoked_as_it_runs_is_not_told_to_have_failed(cage: Cage, name: str):
    only(cage, APART, "it cannot be ended there")
    result = cage.place.app.send_task(f"zoo.{name}", (3,), task_id=f"revoked-{name}")
    cage.until_told(result.id, "prerun")

    result.revoke(terminate=True)

    assert type(result.get(timeout=PATIENCE, propagate=False)).__name__ == "TaskRevokedError"
    assert cage.is_well()
    assert "failure" not in dict(cage.told(result.id))


def test_a_coroutine_learns_of_its_soft_limit_where_it_waits(cage: Cage):
    assert cage.value("async_impatient") == "softly"


def test_a_task_that_blocks_signals_and_never_ends_is_ended_by_its_hard_limit(cage: Cage):
    assert type(cage.error("block_signals", time_limit=0.3)).__name__ == "TimeLimitExceeded"
    assert cage.is_well()


def test_a_coroutine_that_will_not_be_cancelled_loses_its_slot(cage: Cage):
    only(cage, ("asyncio",), "it runs coroutines one by one")

    error = cage.error("async_nap_on", args=(0.05,), time_limit=0.2)

    assert type(error).__name__ == "TimeLimitExceeded"
    assert cage.is_well()
