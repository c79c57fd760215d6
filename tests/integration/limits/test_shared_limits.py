"""Limits that two workers share, each a program of its own, over one SQLite file."""

import signal

import pytest

RATE, BURST = 20, 20


def test_two_workers_keep_to_one_rate_between_them(site):
    workers = [site.worker("-n", f"w{n}@%h", "-P", "threads", "-c", "4") for n in (1, 2)]

    site.app.publish_many(site.shop.mail.s(n) for n in range(70))

    site.until_marked("mail", 70)
    times = site.times("mail")
    for worker in workers:
        assert worker.stop() == 0, str(worker)
    assert len(times) == 70
    # Never more than the bucket holds and what flows into it meanwhile. A mark is made a little
    # after its token was taken, and the first may be late where the last is not.
    slack = 10
    for first, begin in enumerate(times):
        for last in range(first, len(times)):
            in_span = last - first + 1
            assert in_span <= BURST + RATE * (times[last] - begin) + slack
    assert times[-1] - times[0] >= (70 - BURST) / RATE - 1.0


def test_two_workers_run_no_more_at_once_than_the_task_allows(site):
    workers = [site.worker("-n", f"w{n}@%h", "-P", "threads", "-c", "4") for n in (1, 2)]

    site.app.publish_many(site.shop.query.s(n) for n in range(20))

    site.until_marked("end", 20)
    for worker in workers:
        assert worker.stop() == 0, str(worker)
    assert site.most_at_once() == 2


def test_calls_of_one_key_run_one_after_the_other_and_those_of_others_beside_them(site):
    workers = [site.worker("-n", f"w{n}@%h", "-P", "threads", "-c", "4") for n in (1, 2)]

    for number in range(8):
        for customer in ("north", "south"):
            site.shop.bill.delay(customer, number)

    site.until_marked("end", 16)
    for worker in workers:
        assert worker.stop() == 0, str(worker)
    assert site.most_at_once("north") == 1
    assert site.most_at_once("south") == 1


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_task_that_keeps_the_interpreter_to_itself_does_not_lose_its_slot(site, pool):
    lease = 6  # the process that stands by has half of it to import what it needs
    words = ("-P", pool, "-c", "1", "--disable-prefetch", "--", f"worker_lease={lease}")
    workers = [site.worker("-n", f"w{n}@%h", *words) for n in (1, 2)]

    site.shop.hog.delay(1, lease + 3.0)
    site.until_marked("begin", 1)
    site.shop.hog.delay(2, 0.0)

    site.until_marked("begin", 2)
    began, ended = site.times("begin"), site.times("end")
    for worker in workers:
        worker.send(signal.SIGKILL)
        worker.exit_code()
    assert began[1] >= ended[0]


def test_slots_of_a_worker_that_was_killed_are_free_when_its_lease_is_over(site):
    victim = site.worker("-P", "threads", "-c", "2")
    for number in range(2):
        site.shop.query.delay(number, 60.0)
    site.until_marked("begin", 2)
    victim.send(signal.SIGKILL)
    victim.exit_code()

    heir = site.worker("-P", "threads", "-c", "2")
    done = site.shop.query.delay(3)
    done.get(timeout=20)

    assert heir.stop() == 0, str(heir)
