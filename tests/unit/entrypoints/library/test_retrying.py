"""Retries in all their forms."""

from datetime import timedelta

import pytest

from celeriac.exceptions import MaxRetriesExceededError, Retry


def parked(shop, queue="celery"):
    """Return retries and seconds until due of the messages that wait."""
    entries = shop.store.messages.lines[queue].waiting.values()
    now = shop.clock.now()
    return [
        (one.message.retries, one.message.eta and (one.message.eta - now).total_seconds())
        for one in entries
    ]


def test_a_retry_waits_for_its_countdown(shop):
    @shop.app.task(bind=True)
    def again(self):
        shop.seen.append(self.request.retries)
        if self.request.retries < 2:
            self.retry(countdown=60)
        return "done"

    result = again.delay()

    assert (shop.state(result), parked(shop)) == ("RETRY", [(1, 60.0)])
    shop.work_off(59)
    assert shop.seen == [0]
    shop.work_off(1)
    shop.work_off(60)
    assert (shop.seen, result.get()) == ([0, 1, 2], "done")


def test_a_retry_waits_for_the_tasks_own_delay_when_nothing_is_said(shop):
    plain = shop.app.task(name="plain", bind=True)(lambda self: self.retry())
    own = shop.app.task(name="own", bind=True, default_retry_delay=5)(lambda self: self.retry())

    plain.delay()
    own.delay()
    shop.work_off()

    assert sorted(parked(shop)) == [(1, 5.0), (1, 180.0)]


def test_a_retry_may_name_its_moment(shop):
    eta = shop.clock.now() + timedelta(hours=1)
    again = shop.app.task(name="again", bind=True)(lambda self: self.retry(eta=eta))

    again.delay()
    shop.work_off()

    assert parked(shop) == [(1, 3600.0)]


def test_a_retry_keeps_the_call_as_it_was(shop):
    note = shop.app.task(name="note")(lambda *args: shop.seen.append(args))

    @shop.app.task(bind=True)
    def again(self, x, y=0):
        request = self.request
        kept = (request.id, request.root_id, request.shadow, request.timelimit, request.headers)
        shop.seen.append((x, y, request.retries, request.delivery_info["routing_key"], *kept))
        if not request.retries:
            self.retry(countdown=1)
        return "done"

    again.apply_async(
        (1,),
        {"y": 2},
        task_id="t",
        queue="celery",
        shadow="s",
        time_limit=9,
        headers={"tenant": "acme"},
        link=note.s(),
    )
    shop.work_off()
    shop.work_off(1)

    kept = ("celery", "t", "t", "s", [9, None], {"tenant": "acme"})
    assert shop.seen == [(1, 2, 0, *kept), (1, 2, 1, *kept), ("done",)]


def test_a_retry_may_change_arguments_and_options(shop):
    from celeriac.entrypoints.testing import work_off

    @shop.app.task(bind=True)
    def again(self, *args, **kwargs):
        shop.seen.append((args, kwargs, self.request.delivery_info["routing_key"]))
        if not self.request.retries:
            self.retry(args=(2,), kwargs={"y": 3}, countdown=0, queue="other", priority=7)

    again.delay(1)
    shop.work_off()
    work_off(shop.app, queues=["other"])

    assert shop.seen == [((1,), {}, "celery"), ((2,), {"y": 3}, "other")]


def test_when_no_retry_is_left_the_cause_is_raised(shop):
    @shop.app.task(bind=True, max_retries=2, default_retry_delay=0)
    def again(self):
        shop.seen.append(self.request.retries)
        try:
            raise KeyError("k")
        except KeyError as error:
            self.retry(exc=error)

    result = again.delay()

    assert (shop.state(result), shop.seen) == ("FAILURE", [0, 1, 2])
    assert isinstance(result.result, KeyError)


def test_when_no_retry_is_left_and_nothing_caused_it_that_is_said(shop):
    @shop.app.task(bind=True, max_retries=1, default_retry_delay=0)
    def again(self, x):
        self.retry()

    result = again.apply_async((5,), task_id="t")

    assert shop.state(result) == "FAILURE"
    with pytest.raises(MaxRetriesExceededError, match=r"again\[t\] args:\[5\]"):
        result.get()


def test_the_number_of_retries_may_be_told_at_the_retry(shop):
    @shop.app.task(bind=True, max_retries=None)
    def again(self, most):
        shop.seen.append(self.request.retries)
        self.retry(countdown=0, max_retries=most)

    again.delay(1)
    shop.work_off()

    assert shop.seen == [0, 1]


def test_no_number_of_retries_is_too_many_without_a_limit(shop):
    @shop.app.task(bind=True, max_retries=None, default_retry_delay=0)
    def again(self):
        return "done" if self.request.retries == 50 else self.retry()

    assert shop.state(again.delay()) == "SUCCESS"


def test_a_retry_that_is_not_raised_is_sent_at_once(shop):
    @shop.app.task(bind=True)
    def again(self):
        shop.seen.append(self.request.retries)
        if self.request.retries < 3:
            asked = self.retry(throw=False, countdown=60)
            return str(asked)
        return "done"

    result = again.apply_async(headers={"tenant": "acme"})

    assert (shop.state(result), result.result) == ("SUCCESS", "Retry in 60s")
    for _ in range(4):
        shop.work_off(60)
    assert shop.seen == [0, 1, 2, 3]


def test_a_retry_that_was_sent_and_is_raised_after_all_is_sent_once(shop):
    @shop.app.task(bind=True)
    def again(self):
        shop.seen.append(self.request.retries)
        if not self.request.retries:
            raise self.retry(throw=False, countdown=60)
        return "done"

    result = again.delay()

    assert (shop.state(result), parked(shop)) == ("RETRY", [(1, 60.0)])
    shop.work_off(60)
    assert (shop.seen, result.get()) == ([0, 1], "done")


def test_the_state_tells_why(shop):
    @shop.app.task(bind=True)
    def again(self):
        self.retry(exc=KeyError("k"), countdown=60)

    result = again.delay()

    assert shop.state(result) == "RETRY"
    assert isinstance(result.result, KeyError)
    assert "Retry in 60s: KeyError('k')" in result.traceback


def test_a_retry_raised_by_hand_runs_again(shop):
    @shop.app.task(bind=True)
    def again(self):
        shop.seen.append(self.request.retries)
        if not self.request.retries:
            raise Retry("later", when=30)

    again.delay()
    shop.work_off()
    shop.work_off(30)

    assert shop.seen == [0, 1]


def test_a_retry_that_makes_no_sense_is_a_failure(shop):
    again = shop.app.task(name="again", bind=True)(lambda self: self.retry(countdown="soon"))

    result = again.delay()

    assert shop.state(result) == "FAILURE"
    assert "countdown='soon'" in str(result.result) or "soon" in str(result.result)


def test_called_as_a_function_there_is_nothing_to_retry(shop):
    again = shop.app.task(name="again", bind=True)(lambda self, exc=None: self.retry(exc=exc))

    with pytest.raises(Retry, match="Task can be retried"):
        again()
    with pytest.raises(KeyError):
        again(KeyError("k"))


def test_named_exceptions_are_retried_by_themselves(shop):
    @shop.app.task(autoretry_for=(KeyError,), retry_kwargs={"max_retries": 2, "countdown": 7})
    def fail():
        shop.seen.append(shop.clock.monotonic())
        raise KeyError("k")

    result = fail.delay()

    assert (shop.state(result), parked(shop)) == ("RETRY", [(1, 7.0)])
    shop.work_off(7)
    shop.work_off(7)
    assert (result.state, shop.seen) == ("FAILURE", [0, 7, 14])
    assert isinstance(result.result, KeyError)


def test_exceptions_that_are_not_named_or_excluded_fail_at_once(shop):
    @shop.app.task(autoretry_for=(LookupError,), dont_autoretry_for=(KeyError,))
    def fail(kind):
        raise {"key": KeyError, "index": IndexError, "value": ValueError}[kind]

    results = [fail.delay(kind) for kind in ("key", "index", "value")]
    shop.work_off()

    assert [result.state for result in results] == ["FAILURE", "RETRY", "FAILURE"]


def delays(shop, **options):
    """Return how long each retry of a failing task waits."""

    @shop.app.task(autoretry_for=(KeyError,), max_retries=5, **options)
    def fail():
        shop.seen.append(shop.clock.monotonic())
        raise KeyError("k")

    fail.delay()
    shop.work_off()
    while waiting := parked(shop):
        shop.work_off(waiting[0][1])
    return [later - sooner for sooner, later in zip(shop.seen, shop.seen[1:], strict=False)]


def test_backoff_doubles_the_wait(shop):
    assert delays(shop, retry_backoff=True, retry_jitter=False) == [1, 2, 4, 8, 16]


def test_backoff_begins_where_it_is_told_and_ends_at_its_maximum(shop):
    waits = delays(shop, retry_backoff=3, retry_backoff_max=20, retry_jitter=False)

    assert waits == [3, 6, 12, 20, 20]


def test_jitter_spreads_the_wait_below_the_backoff(shop):
    waits = delays(shop, retry_backoff=10)

    assert all(0 <= wait < most for wait, most in zip(waits, [10, 20, 40, 80, 160], strict=True))
    assert waits != [10, 20, 40, 80, 160]


def test_a_tasks_own_retry_is_not_retried_again(shop):
    @shop.app.task(bind=True, autoretry_for=(Exception,), retry_backoff=True)
    def again(self):
        self.retry(countdown=60)

    again.delay()
    shop.work_off()

    assert parked(shop) == [(1, 60.0)]
