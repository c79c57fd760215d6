"""A lease kept in its owner's stead: what every broker promises whose lease has papers."""

from __future__ import annotations

import pytest

from celeriac.ports.lease import PortableLease

from .samples import JOBS, claim, message, publish, require

PORT = "broker"


@pytest.fixture
def portable(broker):
    if not isinstance(broker, PortableLease):
        pytest.skip("its lease has no papers")
    require(broker, "leases")
    return broker


def test_a_lease_renewed_by_its_papers_holds(place, portable, other):
    publish(portable, message("a"))
    claim(portable)
    papers = portable.papers()
    guard = place.broker()

    for _ in range(3):
        place.clock.advance(6)
        assert guard.renew_as(papers) is True
        other.renew()

    assert other.recover([JOBS]) == []
    assert portable.renew() is True


def test_a_lease_that_has_run_out_cannot_be_renewed_by_its_papers(place, portable):
    papers = portable.papers()

    place.clock.advance(11)

    assert place.broker().renew_as(papers) is False
    assert portable.renew() is False


def test_who_owns_nothing_has_no_papers(place, portable):
    portable.leave()

    assert portable.papers() is None
    assert place.broker().papers() is None
