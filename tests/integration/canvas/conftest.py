"""A place with this package's app in it, which nothing may outlive."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.canvas import flow_app
from tests.integration.canvas.killing import KilledSite
from tests.integration.canvas.stores import settings_of
from tests.integration.cli.running import Place, Program


class FlowPlace(Place):
    """A folder with the app, and a client of its store."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        shutil.copy(flow_app.__file__, folder / "flow.py")
        self.store = f"sqlite:///{folder / 'celeriac.sqlite3'}"

    def flow_worker(self, name: str, lease: int = 2) -> Program:
        program = self.start(
            *("-A", "flow", "worker", "-l", "INFO", "-c", "2", "-n", name, "--", f"lease={lease}"),
            environ={"FLOW_STORE": self.store},
        )
        program.until_it_says(" ready.")
        return program


@pytest.fixture
def place(tmp_path: Path) -> Iterator[FlowPlace]:
    if sys.platform != "linux":
        pytest.skip("looks for stragglers in /proc")
    place = FlowPlace(tmp_path)
    try:
        yield place
    finally:
        place.close()
        left = place.left_over()
    assert left == []


@pytest.fixture
def site(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KilledSite]:
    if sys.platform != "linux":
        pytest.skip("looks for stragglers in /proc")
    site = KilledSite(tmp_path, monkeypatch, settings_of(request, tmp_path))
    try:
        yield site
    finally:
        site.close()
        left = site.left_over()
    assert left == []
