"""A task's own `apply_async`, or an app's own `send_task`, is asked of every call that is sent."""

from typing import ClassVar

import pytest

from celeriac import Task, chain, chord, group
from celeriac.application.context import running
from celeriac.entrypoints.library.app import Celeriac


class Tenants(Task):
    """Sends the tenant along, as packages for several tenants do."""

    def apply_async(self, args=None, kwargs=None, **options):
        frame = running()
        tenant = frame[1].get("tenant") if frame else None
        headers = {"tenant": tenant or "acme", **(options.pop("headers", None) or {})}
        return super().apply_async(args, kwargs, headers=headers, **options)


@pytest.fixture
def tenants(shop):
    @shop.app.task(base=Tenants, bind=True)
    def tenant(self, *given):
        shop.seen.append(self.request.tenant)

    return tenant


FLOWS = {
    "a call": lambda t: t.delay(),
    "a group": lambda t: group(t.si(), t.si()).delay(),
    "a chain": lambda t: chain(t.si(), t.si(), t.si()).delay(),
    "a chord": lambda t: chord([t.si(), t.si()])(t.si()),
    "a callback": lambda t: t.apply_async(link=t.si()),
    "many": lambda t: t.app.publish_many(t.si() for _ in range(2)),
}


@pytest.mark.parametrize("flow", FLOWS)
def test_every_part_of_a_flow_is_sent_as_its_task_sends_it(shop, tenants, flow):
    FLOWS[flow](tenants)
    shop.work_off()

    assert set(shop.seen) == {"acme"}
    assert len(shop.seen) == {"a call": 1, "a chain": 3, "a chord": 3}.get(flow, 2)


def test_what_follows_a_task_is_sent_from_within_its_run(shop, tenants):
    tenants.apply_async(headers={"tenant": "initech"}, link=tenants.si())
    shop.work_off()

    assert shop.seen == ["initech", "initech"]


def test_a_retry_is_sent_as_the_task_sends_it(shop):
    @shop.app.task(base=Tenants, bind=True)
    def flaky(self):
        shop.seen.append((self.request.tenant, self.request.retries))
        if not self.request.retries:
            raise self.retry(countdown=0)

    flaky.delay()
    shop.work_off()

    assert shop.seen == [("acme", 0), ("acme", 1)]


def test_arguments_that_the_task_adds_travel_too(shop):
    class Signed(Task):
        def apply_async(self, args=None, kwargs=None, **options):
            return super().apply_async(args, {**(kwargs or {}), "by": "me"}, **options)

    @shop.app.task(base=Signed)
    def note(x, by=None):
        shop.seen.append((x, by))

    group(note.s(1), note.s(2)).delay()
    shop.work_off()

    assert sorted(shop.seen) == [(1, "me"), (2, "me")]


def test_what_else_it_sends_meanwhile_is_sent(shop):
    @shop.app.task
    def noted(name):
        shop.seen.append(name)

    class Noting(Task):
        def apply_async(self, args=None, kwargs=None, **options):
            noted.delay(self.name)
            return super().apply_async(args, kwargs, **options)

    @shop.app.task(base=Noting, name="work")
    def work():
        shop.seen.append("worked")

    group(work.s(), work.s()).delay()
    shop.work_off()

    assert sorted(shop.seen) == ["work", "work", "worked", "worked"]


def test_a_part_that_it_would_withhold_is_sent_as_it_is(shop):
    class Once(Task):
        def apply_async(self, args=None, kwargs=None, **options):
            return None  # as one that is locked does

    @shop.app.task(base=Once)
    def work(x):
        return x

    result = group(work.s(1), work.s(2)).delay()
    shop.work_off()

    assert result.get(timeout=1) == [1, 2]
    assert work.delay(3) is None


def test_what_it_raises_is_raised_to_whoever_sends(shop):
    class Refusing(Task):
        def apply_async(self, args=None, kwargs=None, **options):
            raise PermissionError("not today")

    @shop.app.task(base=Refusing)
    def work():
        pass

    with pytest.raises(PermissionError):
        group(work.s(), work.s()).delay()


def test_an_app_that_writes_send_task_itself_has_all_tasks_sent_by_it(monkeypatch):
    class Counting(Celeriac):
        sent: ClassVar[list[str]] = []

        def send_task(self, name, *args, **kwargs):
            self.sent.append(name)
            return super().send_task(name, *args, **kwargs)

    app = Counting("shop", broker="memory://", backend="memory://", set_as_current=False)

    @app.task(name="add")
    def add(x, y):
        return x + y

    add.delay(1, 2)
    group(add.s(1, 2), add.s(3, 4)).delay()

    assert app.sent == ["add"] * 3
    assert app.broker.depth(["celery"]) == {"celery": 3}
    app.close()


def test_under_always_eager_nothing_is_asked_beside_the_run_itself(shop_with):
    shop = shop_with(task_always_eager=True)

    @shop.app.task(base=Tenants)
    def add(x, y):
        return x + y

    assert chain(add.s(1, 2), add.s(3)).delay().get() == 6
