"""A folder with an app of limited tasks, whose client knows the tasks too."""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.running import Place, eventually

APP = Path(__file__).with_name("limited_app.py")


class Site(Place):
    """A place whose app is `shop`, imported here from the same file as in its workers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.app.close()
        shutil.copy(APP, folder / "shop.py")
        spec = importlib.util.spec_from_file_location("shop", folder / "shop.py")
        assert spec is not None
        assert spec.loader is not None
        self.shop: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.shop)
        self.app = self.shop.app

    def times(self, word: str) -> list[float]:
        """When lines that begin with a word were written, in unix seconds."""
        return sorted(float(line.split()[-1]) for line in self.marks() if line.startswith(word))

    def most_at_once(self, of: str = "") -> int:
        """How many tasks were between their begin and their end at most; of one name, if given."""
        changes = [
            (float(at), 1 if word == "begin" else -1)
            for word, name, at in map(str.split, self.marks())
            if word in ("begin", "end") and of in ("", name)
        ]
        running = most = 0
        for _, change in sorted(changes):
            running += change
            most = max(most, running)
        return most

    def until_marked(self, word: str, count: int) -> None:
        eventually(lambda: len(self.times(word)) >= count, lambda: f"{self.marks()}\n{self}")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    if sys.platform != "linux":
        pytest.skip("looks for stragglers in /proc")
    site = Site(tmp_path)
    try:
        yield site
    finally:
        site.close()
        left = site.left_over()
    assert left == []
