"""How options merge."""

from celeriac.domain.tasks.options import TaskOptions, call_defaults, merged


def test_a_stronger_layer_wins_and_an_empty_one_says_nothing():
    assert merged({"queue": "a", "priority": 1}, None, {}, {"queue": "b"}) == {
        "queue": "b",
        "priority": 1,
    }


def test_headers_are_merged_key_by_key_and_the_layers_stay_as_they_were():
    weak, strong = {"headers": {"a": 1, "b": 1}}, {"headers": {"b": 2, "c": 2}}

    out = merged(weak, strong)

    assert out == {"headers": {"a": 1, "b": 2, "c": 2}}
    assert (weak, strong) == ({"headers": {"a": 1, "b": 1}}, {"headers": {"b": 2, "c": 2}})


def test_a_task_brings_along_only_the_call_options_it_names():
    options = TaskOptions("shop.add", queue="slow", priority=0, time_limit=3.0, acks_late=True)

    assert call_defaults(options) == {"queue": "slow", "priority": 0, "time_limit": 3.0}
