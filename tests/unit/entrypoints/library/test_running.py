"""What a worker does with a task: handlers, states, predicates, its request, its follow-ups."""

import pytest

from celeriac import Task
from celeriac.domain.work.settlement import DeadLetter
from celeriac.exceptions import Ignore, Reject


class Recorder(Task):
    """Notes the handlers that are called."""

    def note(self, *what):
        self.app.notes.append(what)

    def before_start(self, task_id, args, kwargs):
        self.note("before_start", task_id, args, kwargs)

    def on_success(self, retval, task_id, args, kwargs):
        self.note("on_success", retval, task_id, args, kwargs)

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        self.note("on_failure", exc, task_id, args, kwargs, type(einfo.exception))

    def on_retry(self, exc, task_id, args, kwargs, einfo):
        self.note("on_retry", exc, task_id, args, kwargs, einfo.type)

    def after_return(self, status, retval, task_id, args, kwargs, einfo):
        self.note("after_return", status, retval, task_id, einfo and str(einfo).splitlines()[-1])


@pytest.fixture
def recorded(shop):
    """The shop, with notes of handlers."""
    shop.app.notes = shop.seen
    return shop


def test_handlers_of_a_success_in_order(recorded):
    @recorded.app.task(base=Recorder)
    def add(x, y):
        recorded.seen.append(("body",))
        return x + y

    add.apply_async((1,), {"y": 2}, task_id="t")
    recorded.work_off()

    assert recorded.seen == [
        ("before_start", "t", (1,), {"y": 2}),
        ("body",),
        ("on_success", 3, "t", (1,), {"y": 2}),
        ("after_return", "SUCCESS", 3, "t", None),
    ]


def test_handlers_of_a_failure_in_order(recorded):
    error = KeyError("k")

    @recorded.app.task(base=Recorder)
    def fail():
        raise error

    fail.apply_async(task_id="t")
    recorded.work_off()

    assert recorded.seen == [
        ("before_start", "t", (), {}),
        ("on_failure", error, "t", (), {}, KeyError),
        ("after_return", "FAILURE", error, "t", "KeyError: 'k'"),
    ]


def test_handlers_of_a_retry_in_order(recorded):
    error = KeyError("k")

    @recorded.app.task(base=Recorder, bind=True)
    def again(self):
        raise self.retry(exc=error, countdown=60)

    again.apply_async(task_id="t")
    recorded.work_off()

    names = [(note[0], note[1]) for note in recorded.seen]
    assert names == [("before_start", "t"), ("on_retry", error), ("after_return", "RETRY")]


def test_a_handler_that_fails_takes_nothing_from_the_result(recorded, caplog):
    class Clumsy(Task):
        def on_success(self, *args):
            raise RuntimeError("clumsy")

    result = recorded.app.task(base=Clumsy)(lambda: 5).delay()

    assert (recorded.state(result), result.result) == ("SUCCESS", 5)
    assert "a handler of" in caplog.text


def test_a_failing_before_start_fails_the_task(recorded):
    class Guarded(Task):
        def before_start(self, *args):
            raise PermissionError("closed")

    result = recorded.app.task(base=Guarded)(lambda: recorded.seen.append("ran")).delay()

    assert (recorded.state(result), recorded.seen) == ("FAILURE", [])
    assert isinstance(result.result, PermissionError)


def test_ignore_leaves_no_state(shop):
    @shop.app.task
    def shy():
        raise Ignore

    result = shy.delay()

    assert (shop.state(result), shop.app.broker.depth(["celery"])) == ("PENDING", {"celery": 0})


def test_ignore_keeps_the_state_that_the_task_gave_itself(shop):
    @shop.app.task(bind=True)
    def custom(self):
        self.update_state(state="ARCHIVED", meta={"where": "shelf 5"})
        raise Ignore

    result = custom.delay()

    assert (shop.state(result), result.info) == ("ARCHIVED", {"where": "shelf 5"})


def test_reject_puts_the_message_aside(shop):
    @shop.app.task
    def refuse():
        raise Reject("not today")

    result = refuse.delay()
    state = shop.state(result)

    (letter,) = shop.app.broker.dead("celery", 10)
    assert (state, letter.reason, letter.detail) == ("PENDING", "rejected", "not today")


def test_reject_with_requeue_has_it_delivered_again(shop):
    @shop.app.task(bind=True)
    def refuse_once(self):
        shop.seen.append(self.request.delivery_info["redelivered"])
        if len(shop.seen) < 3:
            raise Reject("later", requeue=True)
        return "done"

    result = refuse_once.delay()

    assert shop.state(result) == "SUCCESS"
    assert shop.seen == [False, True, True]


def test_a_task_reports_its_progress(shop):
    @shop.app.task(bind=True)
    def slow(self):
        for done in (1, 2):
            self.update_state(state="PROGRESS", meta={"done": done})
        return "done"

    states = []
    store = shop.app.results.store
    shop.app.results.store = lambda records: (
        states.extend((record.state, record.result.data) for record in records),
        store(records),
    )
    result = slow.delay()

    assert shop.state(result) == "SUCCESS"
    assert states[:2] == [("PROGRESS", b'{"done": 1}'), ("PROGRESS", b'{"done": 2}')]


def test_a_state_may_be_given_to_another_task(shop):
    @shop.app.task(bind=True)
    def herald(self):
        self.update_state("other", "ANNOUNCED", {"by": self.request.id})

    herald.apply_async(task_id="t")
    shop.work_off()

    assert shop.app.AsyncResult("other").state == "ANNOUNCED"
    assert shop.app.AsyncResult("other").info == {"by": "t"}


def test_outside_of_a_run_there_is_nothing_to_report_on(shop):
    task = shop.app.task(lambda: None)

    with pytest.raises(ValueError, match="no run to report on"):
        task.update_state(state="PROGRESS")


def test_a_state_that_cannot_be_encoded_is_an_error_of_the_task(shop):
    @shop.app.task(bind=True)
    def broken(self):
        self.update_state(state="PROGRESS", meta={1, 2})

    result = broken.delay()

    assert shop.state(result) == "FAILURE"
    assert "cannot encode as JSON" in str(result.result)


def test_a_started_task_says_so_if_asked_to(shop):
    states = []

    @shop.app.task(bind=True, track_started=True)
    def look(self):
        return None

    store = shop.app.results.store
    shop.app.results.store = lambda records: (
        states.extend(record.state for record in records),
        store(records),
    )
    look.delay()
    shop.work_off()

    assert states[0] == "STARTED"


def test_the_request_knows_its_call(shop):
    @shop.app.task(bind=True)
    def look(self):
        request = self.request
        shop.seen.append(
            {
                "args": request.args,
                "kwargs": request.kwargs,
                "id": request.id,
                "task": request.task,
                "headers": request.headers,
                "tenant": request.tenant,
                "timelimit": request.timelimit,
                "time_limit": request.time_limit,
                "soft_time_limit": request.soft_time_limit,
                "shadow": request.shadow,
                "priority": request.delivery_info["priority"],
                "routing_key": request.delivery_info["routing_key"],
                "called_directly": request.called_directly,
                "root_id": request.root_id,
                "parent_id": request.parent_id,
                "ignore_result": request.ignore_result,
                "eta": request.eta,
            }
        )

    look.apply_async(
        task_id="t",
        priority=5,
        headers={"tenant": "acme"},
        time_limit=9,
        soft_time_limit=8,
        shadow="peek",
        ignore_result=True,
        countdown=10,
    )
    shop.work_off(10)

    assert shop.seen == [
        {
            "args": [],
            "kwargs": {},
            "id": "t",
            "task": look.name,
            "headers": {"tenant": "acme"},
            "tenant": "acme",
            "timelimit": [9, 8],
            "time_limit": 9,
            "soft_time_limit": 8,
            "shadow": "peek",
            "priority": 5,
            "routing_key": "celery",
            "called_directly": False,
            "root_id": "t",
            "parent_id": None,
            "ignore_result": True,
            "eta": "2026-01-01T12:00:10+00:00",
        }
    ]
    assert shop.app.AsyncResult("t").state == "PENDING"


def test_the_request_is_that_of_this_run_only(shop):
    @shop.app.task(bind=True)
    def look(self):
        return self.request.id

    one, two = look.delay(), look.delay()
    shop.work_off()

    assert (one.get(), two.get()) == (one.id, two.id)
    assert look.request.id is None
    assert look.request.called_directly


def test_a_task_called_as_a_function_within_a_task_has_no_request_of_its_own(shop):
    @shop.app.task(bind=True)
    def inner(self, *args):
        return self.request.id, self.request.called_directly

    @shop.app.task(bind=True)
    def outer(self):
        return [inner(), self.request.id]

    result = outer.delay()
    shop.work_off()

    assert result.get() == [[None, True], result.id]


def test_the_current_task_is_the_one_that_runs(shop):
    from celeriac import current_task

    @shop.app.task
    def look():
        return [current_task.name, current_task.request.id, shop.app.current_task.name]

    result = look.delay()
    shop.work_off()

    assert result.get() == [look.name, result.id, look.name]
    assert not current_task


def test_callbacks_are_called_with_the_result(shop):
    @shop.app.task
    def add(x, y):
        shop.seen.append((x, y))
        return x + y

    result = add.apply_async((1, 2), link=[add.s(10), add.si(7, 7)])
    shop.work_off()

    assert sorted(shop.seen) == [(1, 2), (3, 10), (7, 7)]
    assert sorted(child.get() for child in result.children) == [13, 14]


def test_a_failure_calls_no_callback(shop):
    @shop.app.task
    def fail():
        raise KeyError("k")

    note = shop.app.task(name="note")(lambda *args: shop.seen.append(args))
    fail.apply_async(link=note.s())
    shop.work_off()

    assert shop.seen == []


def test_old_errbacks_are_sent_with_the_task_id(shop):
    @shop.app.task
    def note(task_id):
        shop.seen.append((task_id, shop.app.AsyncResult(task_id).state))

    @shop.app.task
    def fail():
        raise KeyError("k")

    fail.apply_async(task_id="t", link_error=note.s())
    shop.work_off()

    assert shop.seen == [("t", "FAILURE")]


def test_new_errbacks_are_called_with_request_error_and_traceback(shop):
    @shop.app.task
    def note(request, exc, traceback):
        shop.seen.append((request.id, repr(exc), traceback.splitlines()[-1]))

    @shop.app.task
    def fail():
        raise KeyError("k")

    fail.apply_async(task_id="t", link_error=[note.s()])

    assert shop.work_off() == 1
    assert shop.seen == [("t", "KeyError('k')", "KeyError: 'k'")]


def test_an_immutable_errback_is_sent_as_it_is(shop):
    note = shop.app.task(name="note")(lambda *args: shop.seen.append(args))

    @shop.app.task
    def fail():
        raise KeyError("k")

    fail.apply_async(link_error=note.si("called", "so"))
    shop.work_off()

    assert shop.seen == [("called", "so")]


def test_an_errback_that_fails_takes_nothing_from_the_failure(shop, caplog):
    @shop.app.task
    def clumsy(request, exc, traceback):
        raise RuntimeError("clumsy")

    @shop.app.task
    def fail():
        raise KeyError("k")

    result = fail.apply_async(link_error=clumsy.s())

    assert shop.state(result) == "FAILURE"
    assert isinstance(result.result, KeyError)
    assert "errback" in caplog.text


def test_a_callback_that_cannot_be_sent_is_a_failure_that_says_why(shop_with):
    shop = shop_with(task_queues={"celery": {}}, task_create_missing_queues=False)
    ok = shop.app.task(name="ok")(lambda: 5)
    lost = shop.app.signature("other", queue="nowhere")

    result = ok.apply_async(link=lost)

    assert shop.state(result) == "FAILURE"
    assert "nowhere" in str(result.result)


def test_an_errback_that_cannot_be_sent_leaves_the_failure_recorded(shop_with):
    shop = shop_with(task_queues={"celery": {}}, task_create_missing_queues=False)

    @shop.app.task
    def fail():
        raise KeyError("k")

    result = fail.apply_async(link_error=shop.app.signature("other", queue="nowhere"))

    assert shop.state(result) == "FAILURE"
    assert isinstance(result.result, KeyError)


def test_what_a_task_sends_is_its_child(shop):
    @shop.app.task
    def leaf():
        return "leaf"

    @shop.app.task(bind=True)
    def middle(self):
        child = leaf.delay()
        return [self.request.root_id, self.request.parent_id, child.id]

    @shop.app.task(bind=True)
    def root(self):
        middle.delay()
        return self.request.id

    result = root.delay()
    shop.work_off()

    (child,) = result.children
    (grandchild,) = child.children
    assert child.get() == [result.id, result.id, grandchild.id]
    assert (grandchild.get(), result.get_leaf()) == ("leaf", "leaf")


def test_children_may_be_left_unnoted(shop):
    leaf = shop.app.task(name="leaf")(lambda: None)
    secret = shop.app.task(name="secret", trail=False)(lambda: leaf.delay().id)
    quiet = shop.app.task(name="quiet")(lambda: leaf.apply_async(add_to_parent=False).id)

    one, two = secret.delay(), quiet.delay()
    shop.work_off()

    assert (one.children, two.children) == ([], [])


def test_a_result_may_be_ignored_by_task_call_or_setting(shop, shop_with):
    other = shop_with(task_ignore_result=True)
    by_task = shop.app.task(name="a", ignore_result=True)(lambda: 5).delay()
    by_call = shop.app.task(name="b")(lambda: 5).apply_async(ignore_result=True)
    by_setting = other.app.task(name="c")(lambda: 5).delay()
    not_so = other.app.task(name="d", ignore_result=False)(lambda: 5).delay()

    assert [shop.state(by_task), shop.state(by_call)] == ["PENDING", "PENDING"]
    assert [other.state(by_setting), other.state(not_so)] == ["PENDING", "SUCCESS"]


def test_errors_may_be_kept_where_results_are_ignored(shop):
    @shop.app.task(ignore_result=True, store_errors_even_if_ignored=True)
    def fail():
        raise KeyError("k")

    assert shop.state(fail.delay()) == "FAILURE"


def test_an_extended_result_tells_of_its_call(shop_with):
    shop = shop_with(result_extended=True)
    add = shop.app.task(name="shop.add")(lambda x, y: x + y)

    result = add.apply_async((1,), {"y": 2})
    shop.work_off()

    assert (result.name, result.args, result.kwargs) == ("shop.add", [1], {"y": 2})
    assert (result.retries, result.queue) == (0, "celery")
    assert result.worker.startswith("celeriac@")


def test_a_late_acknowledged_failure_may_be_put_aside(shop):
    @shop.app.task(acks_late=True, acks_on_failure_or_timeout=False)
    def fail():
        raise KeyError("k")

    fail.delay()
    shop.work_off()

    (letter,) = shop.app.broker.dead("celery", 10)
    assert DeadLetter(letter.reason, letter.detail) == DeadLetter("failure", "KeyError('k')")


def test_an_expired_task_is_revoked_unrun(shop):
    result = shop.app.task(lambda: shop.seen.append("ran")).apply_async(expires=10)

    shop.work_off(11)

    assert (result.state, shop.seen) == ("REVOKED", [])
    assert str(result.result) == "expired"


def test_higher_priorities_are_served_first(shop):
    task = shop.app.task(name="note")(lambda n: shop.seen.append(n))
    for n in (1, 9, 5):
        task.apply_async((n,), priority=n)

    shop.work_off()

    assert shop.seen == [9, 5, 1]


def test_a_worker_serves_the_queues_it_is_told_to(shop):
    from celeriac.entrypoints.testing import work_off

    task = shop.app.task(name="note")(lambda n: shop.seen.append(n))
    task.apply_async((1,), queue="mine")
    task.apply_async((2,))

    work_off(shop.app, queues=["mine"])

    assert shop.seen == [1]
    assert shop.app.broker.depth(["celery", "mine"]) == {"celery": 1, "mine": 0}
