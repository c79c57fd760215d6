"""How far a chord has come."""

import pytest

from celeriac.domain.canvas.chords import ChordCount


@pytest.mark.parametrize(("counted", "complete"), [(0, False), (2, False), (3, True), (4, True)])
def test_a_chord_is_complete_when_every_part_is_in(counted: int, complete: bool):
    assert ChordCount("g", counted, 3).complete is complete


def test_a_chord_of_which_nobody_knows_the_size_is_never_complete():
    assert not ChordCount("g", 1000, None).complete
