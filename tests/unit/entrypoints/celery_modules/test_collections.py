"""`celery.utils.collections`: chains of mappings, settings, and queues of bounded length."""

import copy
from queue import Empty

import pytest

from celeriac.entrypoints.celery_modules.maps import (
    BufferMap,
    ChainMap,
    ConfigurationView,
    DictAttribute,
    LimitedSet,
    Messagebuffer,
)
from celeriac.entrypoints.celery_modules.objects import Bunch


def test_the_first_mapping_takes_what_is_set_and_the_others_are_looked_through():
    first, second = {}, {"a": 1, "b": 2}
    chained = ChainMap(first, second)

    chained["a"] = 5

    assert (first, second) == ({"a": 5}, {"a": 1, "b": 2})
    assert dict(chained.iteritems()) == {"a": 5, "b": 2}
    assert (chained.changes, chained.defaults, chained.maps) == (first, [second], [first, second])
    assert (len(chained), bool(chained), bool(ChainMap())) == (2, True, False)


def test_defaults_are_added_before_those_there_are():
    chained = ChainMap({}, {"a": 1})

    chained.add_defaults(Bunch(a=2))

    assert chained["a"] == 2


def test_who_is_bound_hears_of_updates():
    heard, chained = [], ChainMap({})
    chained.bind_to(lambda *args, **kwargs: heard.append((args, kwargs)))

    chained.update([("a", 1)], b=2)

    assert dict(chained) == {"a": 1, "b": 2}
    assert heard == [(({"a": 1},), {"b": 2})]


def test_what_only_a_default_has_cannot_be_taken_out():
    chained = ChainMap({}, {"a": 1})

    with pytest.raises(KeyError, match="'a' is not in the first mapping"):
        chained.pop("a")
    with pytest.raises(KeyError, match="'a' is not in the first mapping"):
        del chained["a"]
    assert chained.pop("a", 7) == 7


def test_keys_may_be_made_into_others():
    chained = ChainMap({}, {"size": 1}, key_t=str.lower)

    chained["COLOUR"] = "red"

    assert (chained["SIZE"], chained["colour"], "Size" in copy.copy(chained)) == (1, "red", True)


def test_settings_are_attributes_and_found_with_or_without_their_prefix():
    view = ConfigurationView({"shop_colour": "red"}, [{"SIZE": 3}], [str.upper], prefix="shop")

    view.door = "open"

    assert (view.colour, view["shop_colour"], view.size, view.door) == ("red", "red", 3, "open")
    assert ("colour" in view, "height" in view) == (True, False)
    assert view.first("height", "size") == 3
    with pytest.raises(KeyError, match=r"none of \['shop_height', 'height', 'HEIGHT'\]"):
        view["height"]
    with pytest.raises(AttributeError):
        _ = view.height


def test_a_copy_of_settings_changes_alone():
    view = ConfigurationView({"a": 1}, [{"b": 2}])

    copied = view.copy()
    copied["a"] = 5

    assert (view["a"], copied["a"], copied["b"]) == (1, 5, 2)


def test_settings_are_swapped_for_those_of_another():
    view, other = ConfigurationView({"a": 1}), ConfigurationView({"a": 2}, [{"b": 3}])

    view.swap_with(other)
    view["c"] = 4

    assert (view["a"], view["b"], other["c"]) == (2, 3, 4)


def test_attributes_are_walked_through_as_items():
    found = dict(DictAttribute(Bunch(a=1)).iteritems())

    assert found["a"] == 1


def test_a_full_queue_loses_the_oldest():
    queue = Messagebuffer(2, [1])

    queue.extend([2, 3])

    assert (queue[0], len(queue), list(reversed(queue))) == (2, 2, [3, 2])
    assert [queue.take(), queue.take(), queue.take("none")] == [2, 3, "none"]
    with pytest.raises(Empty):
        queue.take()


def test_queues_by_key_are_bounded_each_and_together():
    queues = BufferMap(4, {"a": [1, 2, 3]}, bufmaxsize=3)

    queues.put("a", 4)
    assert (list(queues["a"].data), queues.total) == ([2, 3, 4], 3)
    queues.extend("b", [5, 6])

    assert repr(queues) == "<BufferMap: 4/4>"
    assert [queues.take("a"), queues.take("b"), queues.take("b")] == [3, 5, 6]
    assert (queues.take("b", None), queues.take("c", 7), queues.total) == (None, 7, 1)
    with pytest.raises(Empty):
        queues.take("c")


def test_the_queue_used_longest_ago_loses_first_and_goes_when_empty():
    queues = BufferMap(2)

    for key in "abc":
        queues.put(key, key)

    assert list(queues) == ["b", "c"]


def test_a_limited_set_shows_its_bounds_and_whether_there_is_any():
    some = LimitedSet(maxlen=3, minlen=1)

    assert (bool(some), repr(some)) == (False, "<LimitedSet(0): maxlen=3, expires=0, minlen=1>")
    some.add("a")
    assert some
