"""What others have made for Celery, from PyPI as it is: RedBeat, celery-once, celery-singleton."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from tests.integration.cli.running import ROOT, Place, eventually

HERE = Path(__file__).parent
WANTED = ("redbeat", "celery_once", "celery_singleton")
MISSING = [name for name in WANTED if util.find_spec(name) is None]
pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


class Shop(Place):
    """The app in a folder, on keys of its own."""

    def __init__(self, folder, url):
        super().__init__(folder)
        shutil.copy(HERE / "others_app.py", folder / "shop.py")
        shutil.copy(HERE / "others_client.py", folder / "client.py")
        self.environ = {
            "CELERIAC_AS_CELERY": "1",
            "SHOP_REDIS": url,
            "SHOP_PREFIX": f"others-{secrets.token_hex(4)}-",
        }

    def command(self, *words):
        return self.start("-A", "shop", *words, "-l", "INFO", environ=self.environ)

    def client(self):
        program = "import celeriac, runpy, sys; sys.path.insert(0, '.')"
        program += "; celeriac.install_as_celery(); runpy.run_path('client.py')"
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=self.folder,
            env={**os.environ, **self.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=55,
            check=False,
        )
        assert done.returncode == 0, f"{done.stderr}\n{self}"
        return json.loads(done.stdout)


@pytest.fixture
def shop(tmp_path, redis_url):
    if sys.platform != "linux":
        pytest.skip("looks for stragglers in /proc")
    shop = Shop(tmp_path, redis_url)
    yield shop
    shop.close()
    assert shop.left_over() == []


def test_tasks_that_are_queued_once(shop):
    worker = shop.command("worker", "-c", "2")
    worker.until_it_says(" ready.")

    assert shop.client() == {
        "once": "refused",
        "graceful": "REJECTED",
        "first": "one",
        "single": True,
        "second": "two",
    }
    assert worker.stop() == 0


def test_redbeat_sends_and_another_goes_on(shop):
    ticks = shop.folder / "ticks.txt"
    worker = shop.command("worker", "-c", "1")

    for number in (1, 2):
        beat = shop.command("beat")
        eventually(
            lambda n=number: ticks.exists() and len(ticks.read_text().split()) >= 2 * n,
            lambda: str(shop),
        )
        assert beat.stop() == 0, str(beat)

    assert worker.stop() == 0
