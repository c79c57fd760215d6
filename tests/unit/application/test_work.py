"""The worker's shell: what it does when stores fail, leases end, others die and a stop is asked."""

import threading

import pytest

from celeriac import Celeriac, chord
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore
from celeriac.domain.errors import BackendUnavailable, BrokerUnavailable, LeaseLost
from celeriac.entrypoints.testing import running_worker
from tests.waiting import eventually


class Shaky(MemoryBroker):
    """Fails at what it is told to, as often as it is told to."""

    def __init__(self, store):
        super().__init__(store)
        self.failures = {}
        self.enlistments = 0
        self.again = threading.Event()
        self.renewals = 0
        #: Once set, whoever looks after the dead waits for the other.
        self.stuck, self.unstuck = threading.Event(), threading.Event()

    def enlist(self, node, lease):
        super().enlist(node, lease)
        self.enlistments += 1
        if self.enlistments > 1:
            self.again.set()

    def _fail(self, what):
        errors = self.failures.get(what)
        if errors:
            raise errors.pop()

    def claim(self, *args):
        self._fail("claim")
        return super().claim(*args)

    def mark_started(self, tokens, early=()):
        self._fail("mark_started")
        return super().mark_started(tokens, early)

    def settle(self, settled):
        self._fail("settle")
        return super().settle(settled)

    def recover(self, *args):
        self._fail("recover")
        if self.stuck.is_set():
            self.unstuck.wait(20)
        return super().recover(*args)

    def renew(self):
        self._fail("renew")
        self.renewals += 1
        return super().renew()


class ShakyResults(MemoryResults):
    """As Shaky."""

    failures: list[Exception] = []  # noqa: RUF012 - replaced, never shared

    def store(self, records):
        if self.failures:
            raise self.failures.pop()
        super().store(records)


@pytest.fixture
def broker():
    return Shaky(MemoryStore())


@pytest.fixture
def app(broker):
    app = Celeriac(
        "a",
        broker=broker,
        backend=ShakyResults(broker.memory),
        set_as_current=False,
        worker_lease=0.6,
    )
    app.ran = []

    @app.task(name="note")
    def note(n):
        app.ran.append(n)
        return n

    yield app
    app.close()


def note(app, *numbers):
    return [app.tasks["note"].delay(n) for n in numbers]


def got(results):
    return [result.get(timeout=20) for result in results]


AWAY = BrokerUnavailable("away")


@pytest.mark.parametrize(
    ("what", "errors"),
    [
        ("claim", [AWAY, AWAY]),
        ("claim", [LeaseLost("late")]),
        ("claim", [RuntimeError("unforeseen")]),
        ("recover", [AWAY, LeaseLost("late"), RuntimeError("unforeseen")]),
        ("mark_started", [AWAY]),
        ("mark_started", [AWAY, AWAY]),
        ("mark_started", [RuntimeError("unforeseen")]),
        ("settle", [AWAY, AWAY]),
    ],
)
def test_a_store_that_comes_back_finds_the_worker_at_work(app, broker, what, errors):
    broker.failures[what] = list(errors)

    with running_worker(app):
        assert got(note(app, 1, 2, 3)) == [1, 2, 3]
        assert got(note(app, 4)) == [4]

    assert sorted(app.ran) == [1, 2, 3, 4]
    assert broker.depth(["celery"]) == {"celery": 0}


def test_a_result_store_that_comes_back_gets_every_result(app):
    app.results.failures = [BackendUnavailable("away")] * 3

    with running_worker(app):
        assert got(note(app, 1, 2, 3)) == [1, 2, 3]

    assert sorted(app.ran) == [1, 2, 3]


def test_a_lease_that_was_lost_is_taken_anew(app, broker):
    with running_worker(app):
        assert got(note(app, 1)) == [1]
        broker.failures["renew"] = [LeaseLost("late"), LeaseLost("late")]
        assert broker.again.wait(20)
        assert got(note(app, 2)) == [2]

    assert broker.enlistments == 2


def test_a_lease_is_renewed_while_looking_after_the_dead_takes_its_time(app, broker):
    with running_worker(app):
        broker.stuck.set()
        before = broker.renewals
        eventually(lambda: broker.renewals > before + 6)  # twice as long as the lease
        assert got(note(app, 1)) == [1]
        broker.unstuck.set()

    assert broker.enlistments == 1


def dead_worker(broker, *, started):
    """Claim what is there as a worker that dies at once; its lease runs out soon."""
    other = MemoryBroker(broker.memory)
    other.enlist("dead@host", lease=0.05)
    deliveries = other.claim(["celery"], 10, 0)
    if started:
        other.mark_started([delivery.token for delivery in deliveries])


def test_what_a_dead_worker_had_not_begun_is_run(app, broker):
    results = note(app, 1, 2)
    dead_worker(broker, started=False)

    with running_worker(app):
        assert got(results) == [1, 2]


def test_what_a_dead_worker_had_begun_is_lost_and_said_to_be(app, broker):
    failed = []
    app.task(name="failed")(failed.append)
    result = app.tasks["note"].apply_async((1,), link_error=app.signature("failed"))
    dead_worker(broker, started=True)

    with running_worker(app):
        error = result.get(timeout=20, propagate=False)
        got(note(app, 2))

    assert (type(error).__name__, str(error)) == ("WorkerLostError", "its worker dead@host died")
    assert app.ran == [2]
    assert failed == [result.id]


def test_what_a_dead_worker_had_begun_and_acknowledges_late_is_run_again(app, broker):
    app.task(name="late", acks_late=True, bind=True)(
        lambda self: self.request.delivery_info["redelivered"]
    )
    result = app.tasks["late"].delay()
    dead_worker(broker, started=True)

    with running_worker(app):
        assert result.get(timeout=20) is True


@pytest.mark.parametrize(("skips", "runs"), [(True, 0), (False, 3)])
def test_what_has_succeeded_and_comes_again_is_skipped_if_asked_for(app, broker, skips, runs):
    app.conf.worker_deduplicate_successful_tasks = skips
    app.task(name="late", acks_late=True)(app.ran.append)
    total = app.task(name="total")(sum)
    results = [app.tasks["late"].delay(0)]
    # One that is a part of a chord: it counts, for its worker may have died before that.
    add = app.task(name="add", acks_late=True)(lambda x, y: app.ran.append(x) or x + y)
    whole = chord([add.s(1, 1), add.s(2, 2)])(total.s())
    dead_worker(broker, started=True)
    results += whole.parent.results
    for result, value in zip(results, (None, 2, 4), strict=True):
        app.backend.store_result(result.id, value, "SUCCESS")

    with running_worker(app):
        assert whole.get(timeout=20) == 6
        assert got(note(app, 1)) == [1]

    assert len(app.ran) == 1 + runs


@pytest.mark.parametrize("known", [None, "FAILURE", "STARTED"])
def test_what_comes_again_and_has_not_succeeded_is_run(app, broker, known):
    app.conf.worker_deduplicate_successful_tasks = True
    app.task(name="late", acks_late=True)(lambda: app.ran.append("late"))
    result = app.tasks["late"].delay()
    dead_worker(broker, started=True)
    if known:
        app.backend.store_result(result.id, None, known)

    with running_worker(app):
        eventually(lambda: "late" in app.ran)
        assert got(note(app, 1)) == [1]


def test_a_stop_lets_running_tasks_end_and_gives_the_rest_back(app, broker):
    begun, let_go = threading.Event(), threading.Event()

    @app.task(name="slow")
    def slow():
        begun.set()
        return let_go.wait(20)

    result = slow.delay()
    with running_worker(app, concurrency=1) as worker:
        assert begun.wait(20)
        note(app, 1, 2)
        worker.stop()
        let_go.set()
        assert worker.worker.finished.wait(20)

    assert result.get(timeout=0) is True
    left = broker.depth(["celery"])["celery"]
    assert left + len(app.ran) == 2


def test_a_worker_that_has_left_can_be_followed_by_another(app):
    for n in range(3):
        with running_worker(app):
            assert got(note(app, n)) == [n]

    assert app.ran == [0, 1, 2]


def test_many_tasks_are_each_run_once(app):
    calls = [app.tasks["note"].s(n) for n in range(500)]

    with running_worker(app, concurrency=4):
        results = app.publish_many(calls)
        assert got(results) == list(range(500))

    assert sorted(app.ran) == list(range(500))


def test_a_rate_limit_is_kept_and_nothing_is_lost(app):
    limited = app.task(name="limited", rate_limit="50/s")(app.ran.append)

    with running_worker(app):
        got([limited.delay(n) for n in range(5)])

    assert sorted(app.ran) == [0, 1, 2, 3, 4]


def test_a_worker_logs_what_tasks_came_to(app, caplog):
    caplog.set_level("INFO", "celeriac.worker")

    @app.task(name="fail")
    def fail():
        raise KeyError("k")

    with running_worker(app):
        good = app.tasks["note"].apply_async((1,), shadow="noted")
        bad = fail.delay()
        good.get(timeout=20)
        bad.get(timeout=20, propagate=False)

    lines = {record.message.splitlines()[0]: record.levelname for record in caplog.records}
    assert lines[f"Task note[{good.id}] received"] == "INFO"
    assert lines[f"Task fail[{bad.id}] raised KeyError('k')"] == "ERROR"
    succeeded = [line for line in lines if line.startswith(f"Task noted[{good.id}] succeeded in ")]
    assert [line.rpartition(" ")[2] for line in succeeded] == ["1"]


def test_a_task_past_its_hard_limit_is_a_failure_and_its_slot_is_free_again(app):
    let_go = threading.Event()
    failed = []
    app.task(name="failed")(failed.append)
    app.task(name="slow", time_limit=0.1)(lambda: let_go.wait(20))

    with running_worker(app, concurrency=1):
        result = app.tasks["slow"].apply_async(link_error=app.signature("failed"))
        error = result.get(timeout=20, propagate=False)
        assert got(note(app, 1)) == [1]
        let_go.set()

    assert (result.state, type(error).__name__, failed) == (
        "FAILURE",
        "TimeLimitExceeded",
        [result.id],
    )


def test_a_task_may_clean_up_when_its_soft_limit_has_passed(app):
    from celeriac.exceptions import SoftTimeLimitExceeded

    @app.task(name="slow")
    def slow():
        waiting = threading.Event()
        try:
            while not waiting.wait(0.01):
                pass
        except SoftTimeLimitExceeded:
            return "cleaned up"

    with running_worker(app):
        assert slow.apply_async(soft_time_limit=0.1).get(timeout=20) == "cleaned up"
