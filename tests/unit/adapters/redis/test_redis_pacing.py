"""Of many results as many are found in a moment as come, with few looks."""

from time import monotonic

from celeriac.adapters.redis.pacing import found_soon

NAMES = [f"t{number}" for number in range(100)]


class Shelf:
    """Where at each look there are so many more."""

    def __init__(self, *more: int) -> None:
        self.more, self.there, self.looks = list(more), 0, 0

    def look(self, names):
        self.looks += 1
        self.there += self.more.pop(0) if self.more else 0
        return [name for name in names if name in set(NAMES[: self.there])]


def found(shelf: Shelf, within: float = 5.0) -> list[str]:
    return found_soon(NAMES, shelf.look, str, monotonic() + within)


def test_a_good_part_that_is_there_is_returned_after_one_look():
    shelf = Shelf(20)

    assert found(shelf) == NAMES[:20]
    assert shelf.looks == 1


def test_a_few_are_returned_together_with_those_that_follow_them():
    shelf = Shelf(2, 5, 8, 50)

    assert found(shelf) == NAMES[:15]


def test_a_few_that_nothing_follows_are_returned():
    assert found(Shelf(2, 5)) == NAMES[:7]


def test_the_first_ones_are_waited_for():
    assert found(Shelf(0, 0, 30)) == NAMES[:30]


def test_where_nothing_comes_it_ends_soon():
    begun = monotonic()

    assert found(Shelf()) == []
    assert monotonic() - begun < 2


def test_no_look_comes_after_the_end():
    shelf = Shelf(0, 30)

    assert found(shelf, within=0) == []
    assert shelf.looks == 1
