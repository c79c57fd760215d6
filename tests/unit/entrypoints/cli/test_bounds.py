"""`--autoscale`: two numbers, whichever way they are written."""

import click
import pytest

from celeriac.entrypoints.cli.options import Bounds


@pytest.mark.parametrize(
    ("text", "bounds"), [("10,3", (10, 3)), ("3,10", (10, 3)), ("8", (8, 0)), (" 4 , 2 ", (4, 2))]
)
def test_the_greater_number_is_the_upper_bound(text: str, bounds: tuple[int, int]):
    assert Bounds().convert(text, None, None) == bounds


@pytest.mark.parametrize("text", ["", "a", "10,x", "1,2,3", "0", "-3,2", "4,-1", "1.5"])
def test_anything_else_is_refused_with_an_example(text: str):
    with pytest.raises(click.BadParameter, match=r"expected MAX,MIN or MAX, such as 10,3"):
        Bounds().convert(text, None, None)
