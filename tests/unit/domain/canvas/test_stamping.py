"""Stamps, and how they are merged."""

import pytest

from celeriac.domain.canvas.stamping import merged_stamps, stamps_for


@pytest.mark.parametrize(
    ("first", "second", "kept", "appended"),
    [
        ("a", "b", "a", ["a", "b"]),
        (1, [2], 1, [1, 2]),
        (["a"], ["b"], ["a", "b"], ["a", "b"]),
        (["a"], "b", ["a"], ["a", "b"]),
        (None, "b", None, ["b"]),
        (("a",), "b", ("a",), ["a", "b"]),
        ({"x": 1}, {"x": 2, "y": 3}, {"x": 1, "y": 3}, {"x": [1, 2], "y": 3}),
    ],
)
def test_what_is_there_stays_or_becomes_a_list(first, second, kept, appended):
    assert merged_stamps({"s": first}, {"s": second}, append=False) == {"s": kept}
    assert merged_stamps({"s": first}, {"s": second}, append=True) == {"s": appended}


def test_what_is_merged_is_left_as_it_was():
    names = ["a"]

    merged_stamps({"stamped_headers": names}, {"stamped_headers": ["b"]}, append=True)

    assert names == ["a"]


def test_all_a_visitor_gives_are_stamps_unless_it_names_them():
    unnamed = stamps_for({}, {"a": 1}, {})
    named = stamps_for({}, {"a": 1, "b": 2, "stamped_headers": ["a"]}, {})

    assert unnamed == {"a": 1, "stamped_headers": ["a"]}
    assert named == {"a": 1, "b": 2, "stamped_headers": ["a"]}


def test_stamps_that_are_there_are_kept_and_other_options_are_none():
    own = {"queue": "q", "by": "me", "stamped_headers": ["by"]}

    assert stamps_for({"at": 1}, None, own) == {
        "at": 1,
        "by": "me",
        "stamped_headers": ["at", "by"],
    }
    assert stamps_for({"at": 1}, None, None) == {"at": 1, "stamped_headers": ["at"]}
