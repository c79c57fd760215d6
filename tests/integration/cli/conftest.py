"""A place for each test, which nothing may outlive."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.running import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    if sys.platform != "linux":
        pytest.skip("looks for stragglers in /proc")
    place = Place(tmp_path)
    try:
        yield place
    finally:
        place.close()
        left = place.left_over()
    assert left == []
