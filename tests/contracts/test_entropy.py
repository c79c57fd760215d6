"""What every source of ids and chance promises."""

from __future__ import annotations

import uuid

import pytest

from celeriac.adapters.host.entropy import SystemEntropy
from celeriac.adapters.memory.entropy import SeededEntropy

from .samples import at_once


@pytest.fixture(params=[SystemEntropy, SeededEntropy])
def entropy(request):
    return request.param()


def test_an_id_is_the_text_of_a_random_uuid(entropy):
    for _ in range(600):
        made = entropy.new_id()
        read = uuid.UUID(made)
        assert (str(read), read.version, read.variant) == (made, 4, uuid.RFC_4122)
        assert len(made) == 36


def test_all_ids_differ(entropy):
    made = [entropy.new_id() for _ in range(20_000)]

    assert len(set(made)) == len(made)


def test_all_ids_differ_across_threads(entropy):
    def some():
        return [entropy.new_id() for _ in range(2_000)]

    made = [one for batch in at_once([some] * 8) for one in batch]

    assert len(set(made)) == 16_000


def test_every_random_digit_of_an_id_takes_every_value(entropy):
    made = [entropy.new_id() for _ in range(2_000)]

    for place, digits in enumerate(zip(*made, strict=True)):
        expected = {14: "4", 19: "89ab"}.get(place, "0123456789abcdef")
        if place not in (8, 13, 18, 23):
            assert set(digits) == set(expected)


def test_fractions_are_spread_evenly_over_zero_to_one(entropy):
    drawn = [entropy.fraction() for _ in range(10_000)]

    assert all(0 <= one < 1 for one in drawn)
    # Each tenth is expected to hold 1000, with a deviation of 30: ten deviations never happen.
    for tenth in range(10):
        assert 700 < sum(tenth <= one * 10 < tenth + 1 for one in drawn) < 1300
