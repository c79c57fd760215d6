"""The names of nodes."""

import pytest

from celeriac.entrypoints.node_names import node_name


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (None, "celeriac@box.example.org"),
        ("w1", "w1@box.example.org"),
        ("w1@%h", "w1@box.example.org"),
        ("w1@%n", "w1@box"),
        ("%n@%d", "box@example.org"),
        ("w%i%I@here", "w0@here"),
        ("w1@%%h", "w1@%h"),
        ("100%@here", "100%@here"),
    ],
)
def test_a_name_is_filled_in_with_parts_of_the_host(asked: str | None, name: str):
    assert node_name(asked, "box.example.org") == name
