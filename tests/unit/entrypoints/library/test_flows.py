"""Work-flows of any shape come to the same, wherever they are run."""

import pytest
from hypothesis import HealthCheck, given, settings

from celeriac import Signature
from tests.unit.domain.canvas.flows import flows, full_flows, worth
from tests.unit.entrypoints.library.conftest import make_shop


@pytest.fixture(scope="module")
def shops():
    """A worker in memory, and an app that runs everything here and now."""
    both = make_shop(), make_shop(task_always_eager=True)
    for shop in both:
        for name in "abcdef":
            shop.app.task(name=name)(lambda *args, name=name: [name, *args])
    yield both
    for shop in both:
        shop.app.close()


@given(flows)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_work_flow_comes_to_the_same_sent_or_run_here_and_now(shops, flow):
    for shop in shops:
        sig = Signature.from_dict(flow.to_dict(), app=shop.app)

        result = sig.apply_async()
        shop.work_off()

        assert result.get() == worth(flow)
        assert shop.work_off() == 0


@given(full_flows, full_flows, full_flows)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_it_makes_no_difference_which_is_piped_first(shops, one, two, three):
    shop = shops[0]
    a, b, c = (Signature.from_dict(one.to_dict(), app=shop.app) for one in (one, two, three))

    results = ((a | b) | c).delay(), (a | (b | c)).delay()
    shop.work_off()

    assert results[0].get() == results[1].get()


@pytest.mark.parametrize(
    ("kind", "flow", "value"),
    [
        ("chain", lambda add, total: {"tasks": [add.s(1, 2), add.s(3)]}, 6),
        ("group", lambda add, total: {"tasks": [add.s(1, 2), add.s(3, 4)]}, [3, 7]),
        ("chord", lambda add, total: {"header": [add.s(1, 2)], "body": total.s(), "kwargs": {}}, 3),
    ],
)
def test_a_flow_that_is_sent_by_the_name_of_its_kind_is_run(shop, kind, flow, value):
    @shop.app.task
    def add(x, y):
        return x + y

    @shop.app.task
    def total(numbers):
        return sum(numbers)

    sent = shop.app.send_task(f"celery.{kind}", kwargs=flow(add, total))
    shop.work_off()

    assert sent.get(timeout=1) == value
