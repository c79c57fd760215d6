"""How keys are named and queues served, as transport options say."""

from __future__ import annotations

import pytest

from celeriac.adapters.redis.keys import Keys
from celeriac.adapters.redis.layout import Layout, layout_of, step_of
from celeriac.domain.errors import ImproperlyConfigured


def test_without_options_it_is_kombus():
    assert layout_of("shop:", {}) == Layout("shop:")
    assert Keys(Layout("shop:")).ready("q", 3) == "shop:q\x06\x163"
    assert Layout("shop:").told == "shop:"


def test_separator_and_steps_may_be_others():
    layout = layout_of("", {"sep": ":", "priority_steps": list(range(10))})

    assert Keys(layout).ready("q", 7) == "q:7"
    assert layout.steps == ("J", *range(10))
    assert layout.told == "\0\0:\0" + "0,1,2,3,4,5,6,7,8,9"


@pytest.mark.parametrize(
    ("priority", "step"), [(-1, 0), (0, 0), (2, 0), (3, 3), (5, 3), (8, 6), (9, 9), (50, 9)]
)
def test_a_priority_goes_to_the_step_below_it(priority, step):
    assert step_of(priority) == step


def test_queues_are_served_by_turns_unless_an_order_is_asked_for():
    names = ["b", "a"]
    orders = {
        order: layout_of("", {"queue_order_strategy": order}).in_order(names, 5)
        for order in ("round_robin", "priority", "sorted")
    }

    assert orders == {
        "round_robin": (["b", "a"], 5),
        "priority": (["b", "a"], -1),
        "sorted": (["a", "b"], -1),
    }


def test_in_a_cluster_all_names_of_a_queue_have_its_tag():
    keys = Keys(Layout("shop:", clustered=True, queue="q"))
    names = [keys.ready("q"), keys.ready("q", 3), keys.of_queue("q", "parked"), keys.owners]

    assert {name.partition("}")[0] for name in [*names, keys.bell_of("me")]} == {"shop:{q"}


@pytest.mark.parametrize(
    "options",
    [
        {"sep": ""},
        {"sep": 5},
        {"sep": "\0"},
        {"priority_steps": []},
        {"priority_steps": [3, 6]},
        {"priority_steps": [0, 6, 3]},
        {"priority_steps": [0, 10]},
        {"priority_steps": [0, "3"]},
        {"priority_steps": 3},
        {"queue_order_strategy": "random"},
    ],
)
def test_an_option_that_cannot_be_is_refused_by_its_name(options):
    (name,) = options

    with pytest.raises(ImproperlyConfigured, match=name):
        layout_of("", options)
