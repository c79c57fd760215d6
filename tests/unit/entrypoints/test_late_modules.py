"""Modules that are loaded when somebody looks into them."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from celeriac.entrypoints.late_modules import LATE, postpone

#: Announces that it is being loaded, then waits until the test lets it end.
SLOW = """
import threading
first = "there at once"
from late_package import begun, go_on
begun.set()
assert go_on.wait(20)
last = "there at the end"
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "late_package"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "import threading\nbegun, go_on = threading.Event(), threading.Event()\n"
    )
    (folder / "slow.py").write_text(SLOW)
    (folder / "broken.py").write_text("early = 1\nraise OSError('not today')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.startswith("late_package")]:
        del sys.modules[name]


def test_a_late_module_is_imported_without_being_loaded(package: Path):
    postpone({"late_package.slow": "json"})

    import late_package.slow  # pyright: ignore[reportMissingImports] - made by the fixture

    assert late_package.slow.__name__ == "late_package.slow"
    assert not late_package.begun.is_set()


def test_a_second_thread_waits_until_all_of_a_late_module_is_there(package: Path):
    postpone({"late_package.slow": "json"})
    import late_package.slow  # pyright: ignore[reportMissingImports] - made by the fixture

    slow = late_package.slow
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda name=name: found.append(getattr(slow, name)))
        for name in ("first", "last")
    ]
    threads[0].start()
    assert late_package.begun.wait(20)
    threads[1].start()
    late_package.go_on.set()
    for thread in threads:
        thread.join(20)

    assert sorted(found) == ["there at once", "there at the end"]
    assert type(slow) is ModuleType


def test_a_name_that_a_late_module_lacks_is_no_attribute_and_all_others_are_listed(package: Path):
    import late_package  # pyright: ignore[reportMissingImports] - made by the fixture

    late_package.go_on.set()
    postpone({"late_package.slow": "json"})
    slow = sys.modules["late_package.slow"]

    assert {"first", "last"} <= set(dir(slow))
    with pytest.raises(AttributeError, match="no attribute 'middle'"):
        _ = slow.middle


def test_a_late_module_that_cannot_be_loaded_says_why_each_time(package: Path):
    postpone({"late_package.broken": "json"})
    broken = sys.modules["late_package.broken"]

    for _ in range(2):
        with pytest.raises(OSError, match="not today"):
            _ = broken.something


def test_what_is_loaded_already_or_lacks_what_it_needs_is_left_alone(package: Path):
    postpone({"json": "json", "late_package.slow": "no_such_module", "late_package.none": "json"})

    assert type(sys.modules["json"]) is ModuleType
    assert not [name for name in sys.modules if name.startswith("late_package")]


def test_what_libraries_do_with_tls_hashes_and_metadata_works_late():
    code = (
        "from celeriac.entrypoints.late_modules import LateModule, postpone; postpone()\n"
        "import asyncio, sys, sqlalchemy, hashlib, importlib.metadata, ssl\n"
        f"print([type(sys.modules[name]) is LateModule for name in {list(LATE)!r}])\n"
        "print(hashlib.sha256(b'').hexdigest()[:8], bool(importlib.metadata.version('click')))\n"
        "print(ssl.create_default_context().__class__.__name__, asyncio.sslproto.SSLProtocol)\n"
        "from ssl import SSLError; from hashlib import *\n"
        "print(issubclass(SSLError, OSError), sha1().name, type(ssl).__name__)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [
        "[True, True, True, True]",
        "e3b0c442 True",
        "SSLContext <class 'asyncio.sslproto.SSLProtocol'>",
        "True sha1 module",
    ]
