"""Unique tasks between programs, over one SQLite file."""

import signal


def test_of_many_calls_one_runs_until_it_is_done_and_then_the_next(site):
    first = site.shop.report.delay("north")
    assert {site.shop.report.delay("north").id for _ in range(5)} == {first.id}

    worker = site.worker("-P", "prefork", "-c", "2")
    site.until_marked("report", 1)
    while_it_runs = site.shop.report.delay("north")
    assert first.get(timeout=20) == "north"
    # Its key is let go right after its result is there: a call in between may still be the first's.
    second = site.shop.report.delay("north")
    assert second.get(timeout=20) == "north"

    assert worker.stop() == 0, str(worker)
    assert while_it_runs.id == first.id
    assert len(site.times("report")) == 2


def test_the_key_of_a_worker_that_was_killed_is_free_when_its_task_is_given_up(site):
    first = site.shop.report.delay("south", 60.0)
    victim = site.worker("-P", "threads", "-c", "1")
    site.until_marked("report", 1)
    victim.send(signal.SIGKILL)
    victim.exit_code()
    assert site.shop.report.delay("south", 60.0).id == first.id

    heir = site.worker("-P", "threads", "-c", "1")
    first.get(timeout=20, propagate=False)  # not repeated: it had begun
    second = site.shop.report.delay("south", 60.0)

    assert second.id != first.id
    heir.send(signal.SIGKILL)
    heir.exit_code()


def test_under_an_idempotency_key_a_task_runs_once(site):
    worker = site.worker("-P", "threads", "-c", "2")

    ids = {site.shop.show.apply_async((n, 0.0), idempotency_key="order-1").id for n in range(4)}
    last = site.shop.show.apply_async((9, 0.0))
    last.get(timeout=20)

    assert worker.stop() == 0, str(worker)
    assert len(ids) == 1
    # Two threads may begin the two in either order.
    begun = [line.split()[1] for line in site.marks() if line.startswith("begin")]
    assert sorted(begun) == ["0", "9"]
