"""Tasks run here and now, by `apply` or by the setting."""

import pytest

from celeriac import Task
from celeriac.exceptions import AlwaysEagerIgnored, Ignore, MaxRetriesExceededError, Reject
from celeriac.result import EagerResult
from celeriac.signals import task_postrun


@pytest.fixture
def eager(shop_with):
    """An app that runs its tasks where they are called."""
    return shop_with(task_always_eager=True)


def test_apply_runs_a_task_and_returns_its_result(shop):
    @shop.app.task(bind=True)
    def add(self, x, y=0):
        shop.seen.append((self.request.id, self.request.is_eager, self.request.called_directly))
        return x + y

    result = add.apply((1,), {"y": 2}, task_id="t")

    assert (result.get(), result.state, result.id) == (3, "SUCCESS", "t")
    assert shop.seen == [("t", True, False)]
    assert result.successful()
    assert shop.app.broker.depth(["celery"]) == {"celery": 0}


def test_handlers_and_receivers_of_an_eager_run_know_its_request(shop):
    class Watching(Task):
        def on_success(self, *args):
            shop.seen.append(("handler", self.request.id))

    def ended(sender, **_):
        shop.seen.append(("receiver", sender.request.id))

    task = shop.app.task(base=Watching, name="watched")(lambda: 5)
    task_postrun.connect(ended, sender=task)

    task.apply(task_id="t")

    assert shop.seen == [("handler", "t"), ("receiver", "t")]
    assert task.request.id is None


def test_a_result_of_here_and_now_answers_as_any_other(shop):
    result = shop.app.task(name="five")(lambda: 5).apply()

    assert (result.result, result.info, result.traceback, result.children) == (5, 5, None, None)
    assert (result.date_done, result.worker, result.args) == (None, None, None)
    assert (result.maybe_throw(), result.as_list()) == (5, [result.id])
    assert repr(result) == f"<EagerResult: {result.id}>"
    result.forget()
    result.revoke()
    assert result.state == "REVOKED"


def test_a_failure_is_returned_or_thrown(shop, shop_with):
    @shop.app.task
    def fail():
        raise KeyError("k")

    result = fail.apply()

    assert result.failed()
    assert "KeyError: 'k'" in result.traceback
    assert isinstance(result.get(propagate=False), KeyError)
    with pytest.raises(KeyError):
        result.get()
    with pytest.raises(KeyError):
        fail.apply(throw=True)
    other = shop_with(task_eager_propagates=True)
    with pytest.raises(KeyError):
        other.app.task(fail.run).apply()


def test_retries_follow_at_once(shop):
    @shop.app.task(bind=True, max_retries=2)
    def again(self, x):
        shop.seen.append((self.request.retries, x))
        self.retry(args=(x + 1,), countdown=3600)

    result = again.apply((5,))

    assert shop.seen == [(0, 5), (1, 6), (2, 7)]
    assert isinstance(result.result, MaxRetriesExceededError)


def test_automatic_retries_follow_too(shop):
    @shop.app.task(bind=True, autoretry_for=(KeyError,), retry_backoff=True)
    def again(self):
        if self.request.retries < 2:
            raise KeyError("k")
        return self.request.retries

    assert again.apply().get() == 2


def test_a_retry_that_is_not_thrown_has_run_when_it_returns(shop):
    @shop.app.task(bind=True)
    def again(self):
        shop.seen.append(self.request.retries)
        if self.request.retries < 2:
            self.retry(throw=False)
        return "done"

    assert again.apply().get() == "done"
    assert shop.seen == [0, 1, 2]


def test_links_and_errbacks_are_called(shop):
    note = shop.app.task(name="note")(lambda *args: shop.seen.append(args))

    @shop.app.task
    def tell(request, exc, traceback):
        shop.seen.append((request.id, repr(exc)))

    @shop.app.task
    def fail():
        raise KeyError("k")

    old = shop.app.task(name="old")(lambda task_id: shop.seen.append(task_id))
    shop.app.task(name="five")(lambda: 5).apply(link=note.s("after"))
    fail.apply(task_id="t", link_error=[tell.s(), old.s()])

    assert shop.seen == [(5, "after"), ("t", "KeyError('k')"), "t"]


def test_ignore_and_reject_end_a_run_without_error(shop):
    def raising(error):
        def body():
            raise error

        return shop.app.task(name=type(error).__name__)(body).apply().state

    assert [raising(Ignore()), raising(Reject("no"))] == ["IGNORED", "REJECTED"]


def test_handlers_are_called(shop):
    class Recorder(Task):
        def before_start(self, task_id, args, kwargs):
            shop.seen.append(("before_start", args))

        def on_success(self, retval, task_id, args, kwargs):
            shop.seen.append(("on_success", retval))

        def on_failure(self, exc, task_id, args, kwargs, einfo):
            shop.seen.append(("on_failure", repr(exc)))

        def after_return(self, status, retval, task_id, args, kwargs, einfo):
            shop.seen.append(("after_return", status))

    divide = shop.app.task(base=Recorder)(lambda x: 6 // x)
    divide.apply((2,))
    divide.apply((0,))

    assert shop.seen == [
        ("before_start", (2,)),
        ("on_success", 3),
        ("after_return", "SUCCESS"),
        ("before_start", (0,)),
        ("on_failure", "ZeroDivisionError('integer division or modulo by zero')"),
        ("after_return", "FAILURE"),
    ]


def test_progress_of_an_eager_task_is_nobodys_business(shop):
    @shop.app.task(bind=True)
    def report(self):
        self.update_state(state="PROGRESS", meta={"done": 1})
        return "done"

    result = report.apply(task_id="t")

    assert result.get() == "done"
    assert shop.app.AsyncResult("t").state == "PENDING"


def test_the_setting_turns_every_call_of_a_known_task_eager(eager):
    @eager.app.task(bind=True)
    def add(self, x, y=0):
        eager.seen.append(self.request.id)
        return x + y

    results = [
        add.delay(1, 2),
        add.apply_async((3, 4), countdown=3600, queue="q", task_id="t"),
        add.s(5).delay(6),
        *eager.app.publish_many([add.s(7, 8)]),
    ]

    assert [result.get() for result in results] == [3, 7, 11, 15]
    assert eager.seen == [result.id for result in results]
    assert eager.app.broker.depth(["celery", "q"]) == {"celery": 0, "q": 0}


def test_arguments_are_checked_as_if_they_were_sent(eager):
    add = eager.app.task(name="add")(lambda x: x)

    with pytest.raises(TypeError, match="missing a required argument"):
        add.delay()


def test_a_task_that_is_only_a_name_is_sent(eager):
    with pytest.warns(AlwaysEagerIgnored, match=r"no effect on send_task: far\.task"):
        eager.app.send_task("far.task")

    assert eager.app.broker.depth(["celery"]) == {"celery": 1}


def test_parents_are_known_in_nested_runs(eager):
    @eager.app.task(bind=True)
    def inner(self):
        return [self.request.id, self.app.current_task.name]

    @eager.app.task(bind=True)
    def outer(self):
        found = inner.delay().get()
        return [found, self.request.id, self.app.current_task.name]

    result = outer.delay()

    (inner_found, own_id, own_name) = result.get()
    assert (own_id, own_name, inner_found[1]) == (result.id, outer.name, inner.name)
    assert inner_found[0] != own_id


def test_a_result_without_an_id_can_be_shown():
    assert str(EagerResult(None, None, "REJECTED")) == "None"
