"""Which app is current, and tasks that every app has."""

import threading

import pytest

from celeriac import Celeriac, Celery, current_app, shared_task
from celeriac.entrypoints.library import current


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    """Let no test change which app is current, or which tasks are shared, for the others."""
    monkeypatch.setattr(current, "_default", None)
    monkeypatch.setattr(current, "_tls", threading.local())
    monkeypatch.setattr(current, "_apps", [])
    monkeypatch.setattr(current, "_shared", [])


def app(name, **options):
    return Celeriac(name, broker="memory://", backend="memory://", **options)


def test_the_last_app_made_is_the_current_one():
    app("first")
    second = app("second")
    app("aside", set_as_current=False)

    assert current_app == second
    assert current_app.main == "second"


def test_an_app_can_be_made_current_again():
    first = app("first")
    app("second")

    first.set_current()

    assert current_app.main == "first"


def test_other_threads_see_the_same_app():
    app("first")
    seen = []

    thread = threading.Thread(target=lambda: seen.append(current_app.main))
    thread.start()
    thread.join()

    assert seen == ["first"]


def test_without_any_app_there_is_a_default_one():
    assert current_app.main == "default"
    assert current_app.main == "default"


def test_a_closed_app_is_not_current_any_more():
    first = app("first")
    with app("second"):
        assert current_app.main == "second"

    assert current_app == first


def test_a_shared_task_is_in_every_app_made_before_and_after():
    before = app("before")

    @shared_task
    def add(x, y):
        return x + y

    @shared_task(name="shop.sum", queue="own", bind=True)
    def total(self, x):
        return self.queue, x

    after = app("after")

    name = f"{__name__}.add"
    assert [one.tasks[name](1, 2) for one in (before, after)] == [3, 3]
    assert [one.tasks["shop.sum"](1) for one in (before, after)] == [("own", 1), ("own", 1)]


def test_the_current_apps_one_answers_for_a_shared_task():
    @shared_task
    def who():
        return 1

    first, second = app("first"), app("second")

    assert who.app is second
    first.set_current()
    assert who.app is first
    assert who() == 1
    assert (who.name, who.s().task) == (f"{__name__}.who", f"{__name__}.who")
    who.delay()
    assert first.broker.depth(["celery"]) == {"celery": 1}


def test_celery_is_another_name_for_the_app():
    assert Celery is Celeriac


def test_an_app_says_its_name_and_cannot_be_pickled():
    import pickle

    from celeriac.exceptions import NotSupported

    one = app("first")

    assert repr(one).startswith("<Celeriac first at 0x")
    with pytest.raises(NotSupported, match="import the module that makes it"):
        pickle.dumps(one)


def test_a_task_is_pickled_by_its_name():
    import pickle

    one = app("first")
    task = one.task(name="t")(lambda: 1)

    assert pickle.loads(pickle.dumps(task)) is task
    assert repr(task) == "<@task: t>"


def test_threads_that_use_an_app_first_share_its_parts():
    one = app("first")
    barrier, parts = threading.Barrier(8), []

    def look():
        barrier.wait(20)
        parts.append((one.container, one.broker, one.sending.sender))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(parts) == 8
    assert len({tuple(map(id, each)) for each in parts}) == 1
