"""What the hub can tell from the cells it shares with a child."""

import os
from collections.abc import Iterator

import pytest

from celeriac.adapters.pools.prefork.journal import Journal, shared_memory


@pytest.fixture
def sides() -> Iterator[tuple[Journal, Journal]]:
    """The hub's and the child's mapping of the same cells."""
    fd = shared_memory()
    hub, child = Journal(fd), Journal(fd)
    os.close(fd)
    hub.clear()
    yield hub, child
    hub.close()
    child.close()


def test_before_the_first_job_nothing_has_begun(sides: tuple[Journal, Journal]):
    hub, child = sides

    assert (hub.begun, hub.running(), child.held, child.interrupted) == (-1, None, False, -1)


def test_a_job_is_seen_running_since_its_beginning(sides: tuple[Journal, Journal]):
    hub, child = sides
    begin, _ = child.writer()

    begin(7, 12.5)

    assert (hub.begun, hub.running()) == (7, (7, 12.5))


def test_after_its_end_a_job_has_begun_but_runs_no_more(sides: tuple[Journal, Journal]):
    hub, child = sides
    begin, end = child.writer()

    begin(7, 12.5)
    end()

    assert (hub.begun, hub.running()) == (7, None)


def test_the_child_sees_what_the_hub_wants(sides: tuple[Journal, Journal]):
    hub, child = sides

    hub.interrupt(7)
    hub.hold()

    assert (child.interrupted, child.held) == (7, True)
