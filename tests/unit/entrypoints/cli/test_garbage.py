"""A hub looks for garbage seldom, unless the user has decided how often."""

import gc
from collections.abc import Iterator

import pytest

from celeriac.entrypoints.cli.garbage import OLDER, YOUNG, collect_seldom


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_python_comes_with_is_raised():
    gc.set_threshold(700, 10, 10)

    collect_seldom()

    assert gc.get_threshold() == (YOUNG, *OLDER)


@pytest.mark.parametrize("chosen", [(0, 10, 10), (300, 5, 5), (50_000, 20, 100)])
def test_what_the_user_has_chosen_stays(chosen: tuple[int, int, int]):
    gc.set_threshold(*chosen)

    collect_seldom()

    assert gc.get_threshold() == chosen
