"""Chance that replays."""

from __future__ import annotations

from celeriac.adapters.memory import SeededEntropy


def drawn(entropy):
    return [entropy.new_id(), entropy.fraction(), entropy.new_id()]


def test_the_same_seed_replays():
    assert drawn(SeededEntropy(7)) == drawn(SeededEntropy(7))


def test_another_seed_gives_other_ids():
    assert drawn(SeededEntropy(7)) != drawn(SeededEntropy(8))
