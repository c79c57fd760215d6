"""Leaving the terminal by hand, and ending with one's parent."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from celeriac.entrypoints.celery_modules import platforms

ROOT = Path(__file__).parents[4]
DEADLINE = 30


def run(code, pipe):
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    before = "import os, sys; from celeriac.entrypoints.celery_modules import platforms\n"
    done = subprocess.run(
        [sys.executable, "-c", before + code],
        env=environ,
        pass_fds=[pipe],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_all(pipe):
    """Read until nobody can write any more."""
    parts = []
    while select.select([pipe], [], [], DEADLINE)[0]:
        if not (part := os.read(pipe, 4096)):
            return b"".join(parts).decode()
        parts.append(part)
    pytest.fail("somebody keeps the pipe open")


@pytest.fixture
def pipe():
    reads, writes = os.pipe()
    yield reads, writes
    os.close(reads)


def test_a_daemon_goes_on_in_its_folder_without_terminal_and_files(pipe, tmp_path):
    reads, writes = pipe
    code = (
        f"told = lambda: os.write({writes}, f'{{os.getcwd()}} '.encode())\n"
        f"before = os.getsid(0)\n"
        f"with platforms.DaemonContext(workdir={str(tmp_path)!r}, umask='027', after_chdir=told):\n"
        f"    try: os.write({writes}, b'still open')\n"
        "    except OSError: pass\n"
        "    print('not seen', flush=True)\n"
        "    text = f'{os.umask(0):o} {os.getsid(0) != before}'\n"
        "    open('new.txt', 'w').write(text); os.rename('new.txt', 'said.txt')\n"
    )

    printed = run(code, writes)
    os.close(writes)
    told = read_all(reads)
    for _ in range(DEADLINE * 100):
        if (tmp_path / "said.txt").exists():
            break
        select.select([], [], [], 0.01)

    assert (printed, told) == ("", f"{tmp_path} ")
    assert (tmp_path / "said.txt").read_text() == "27 True"


def test_a_daemon_may_be_played(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o022)
    context = platforms.DaemonContext(workdir=str(tmp_path / ".."), umask=0o077, fake=True)
    try:
        with context, context:
            assert Path.cwd() == tmp_path.parent
            assert os.umask(0o022) == 0o077
    finally:
        os.umask(before)


@pytest.mark.parametrize(("given", "taken"), [("022", 0o022), ("18", 18), (18, 18), (None, None)])
def test_masks_are_octal_where_they_begin_with_a_nought(given, taken):
    assert platforms.DaemonContext(umask=given).umask == taken


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's end")
def test_a_process_may_end_with_its_parent(pipe):
    reads, writes = pipe
    code = (
        "ready, go = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    platforms.set_pdeathsig('SIGTERM')\n"
        "    os.close(1); os.close(2)\n"
        f"    os.write({writes}, b'child '); os.write(go, b'.')\n"
        "    import time; time.sleep(600)\n"
        "os.read(ready, 1)\n"
    )

    run(code, writes)
    os.close(writes)

    assert read_all(reads) == "child "


def test_what_a_system_lacks_is_not_asked_for():
    platforms.set_pdeathsig("SIGNOTHING")
