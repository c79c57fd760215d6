"""Any work-flow comes to the same, whoever runs it."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from celeriac import chain, group, signature
from tests.unit.entrypoints.library.conftest import make_shop

SHOP = make_shop()


@SHOP.app.task(name="tell")
def tell(*args: object) -> str:
    """Return something that no other call returns."""
    SHOP.seen.append(f"<{','.join(map(str, args))}>")
    return SHOP.seen[-1]


calls = st.builds(
    lambda n, fixed: (tell.si if fixed else tell.s)(n), st.integers(0, 9), st.booleans()
)
chains = st.lists(calls, min_size=1, max_size=4).map(chain)
flows = st.recursive(
    calls,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(group) | st.tuples(chains, inner).map(chain)
    ),
    max_leaves=10,
)


def run_by_a_worker(flow):
    result = flow.delay("first")
    SHOP.work_off()
    return result


def told_by(send):
    """What the calls told that a sending led to, in any order."""
    SHOP.seen.clear()
    send()
    SHOP.work_off()
    return sorted(SHOP.seen)


@given(flows)
@settings(max_examples=60, deadline=None)
def test_a_worker_comes_to_what_running_it_here_comes_to(flow):
    expected = flow.apply(("first",)).get()

    assert run_by_a_worker(flow).get(timeout=1) == expected


@given(flows)
@settings(max_examples=60, deadline=None)
def test_what_was_stored_as_json_comes_to_the_same(flow):
    again = signature(json.loads(json.dumps(flow)), app=SHOP.app)

    assert json.dumps(again) == json.dumps(flow)
    assert run_by_a_worker(again).get(timeout=1) == run_by_a_worker(flow).get(timeout=1)


@given(flows)
@settings(max_examples=60, deadline=None)
def test_a_frozen_one_comes_to_the_results_it_was_promised(flow):
    promised = flow.clone().freeze()

    frozen = flow.clone()
    ids = frozen.freeze().as_tuple()
    result = run_by_a_worker(frozen)

    assert result.as_tuple() == ids
    assert type(promised) is type(result)


@given(flows)
@settings(max_examples=60, deadline=None)
def test_as_a_callback_it_is_sent_with_the_result(flow):
    as_callback = told_by(lambda: tell.apply_async(("x",), link=flow))

    assert as_callback == sorted(["<x>", *told_by(lambda: flow.delay("<x>"))])
