"""A started prefork pool for each test, ended after it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.pools import KINDS, Rig

PREFORK = next(kind for kind in KINDS if kind.name == "prefork")


@pytest.fixture
def prefork(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Makes prefork pools with the options given."""
    made: list[Rig] = []

    def make(**options: Any) -> Rig:
        rig = Rig(PREFORK, tmp_path, **options)
        made.append(rig)
        return rig.start()

    yield make
    for rig in made:
        rig.close()
