"""The demo, run as `make demo` runs it: its figures, its end, and that nothing is left behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def started(
    folder: Path, *options: str, plain: bool = True, under: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    options = ("--plain", *options) if plain else options
    return subprocess.Popen(
        [*under, sys.executable, "-m", "examples.index_folder", *options, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def row(output: str, name: str) -> str:
    found = re.search(rf"^  {re.escape(name)} +(.*)$", output, re.MULTILINE)
    assert found, f"no row {name!r} in:\n{output}"
    return found[1]


def worker_group(output: str) -> int:
    found = re.search(r"\(pid (\d+)\)", output)
    assert found, output
    return int(found[1])


def is_gone(group: int) -> bool:
    # Orphans are reaped by whoever adopted them, which may take a moment.
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def odd_files(tmp_path: Path) -> Path:
    folder = tmp_path / "odd"
    (folder / "sub").mkdir(parents=True)
    (folder / "__pycache__").mkdir()
    (folder / "good.py").write_text("class A:\n    def f(self): ...\n\nasync def g(): ...\n")
    (folder / "sub" / "copy.py").write_bytes((folder / "good.py").read_bytes())
    (folder / "broken.py").write_text("def f(:\n")
    (folder / "zeros.py").write_bytes(b"\0\0")
    (folder / "latin.txt").write_bytes("café au lait\nö\n".encode("latin-1"))
    (folder / "[bold].bin").write_bytes(b"one two\0" * 100)
    (folder / "empty").touch()
    (folder / "also_empty.py").touch()
    (folder / "name.txt").write_text("a b c")
    (folder / "__pycache__" / "skipped.pyc").write_bytes(b"x")
    (folder / "link").symlink_to(folder / "good.py")
    os.mkfifo(folder / "pipe")
    (Path(os.fsdecode(os.fsencode(folder) + b"/not-utf8-\xff.txt"))).write_text("one two\n")
    return folder


@pytest.fixture
def powerless() -> tuple[str, ...]:
    """What to put before a command so that permissions count for it, for root too."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root may read everything, and there is no setpriv to take that away")
    taken = "-dac_override,-dac_read_search"
    return ("setpriv", f"--bounding-set={taken}", "--inh-caps=-all", "--ambient-caps=-all")


def test_the_demo_adds_up_a_folder_of_odd_files_and_leaves_no_process(odd_files):
    process = started(odd_files)

    output, errors = process.communicate(timeout=50)

    assert (process.returncode, errors) == (0, "")
    assert row(output, "files") == "8 (1 binary, 2 empty, 2 python, 3 text)"
    assert row(output, "bytes") == str(2 * 50 + 800 + 15 + 5 + 8)
    assert row(output, "lines") == str(2 * 4 + 2 + 1 + 1)
    assert row(output, "words") == str(2 * 9 + 4 + 3 + 2)
    assert (row(output, "functions"), row(output, "classes")) == ("4", "2")
    assert row(output, "duplicates") == "1 (50 bytes)"
    assert re.search(r"^  good.py +sub/copy.py$", output, re.MULTILINE)
    assert row(output, "failed") == "2"
    assert row(output, "broken.py").startswith("SyntaxError: ")
    assert "null bytes" in row(output, "zeros.py")
    assert "the worker was stopped and ended with exit code 0" in output
    assert is_gone(worker_group(output))


def test_what_may_not_be_read_is_listed_and_no_crash(tmp_path, powerless):
    (tmp_path / "secret.txt").touch(mode=0)
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / "open.txt").write_text("x")

    process = started(tmp_path, under=powerless)
    output, errors = process.communicate(timeout=50)

    assert (process.returncode, errors) == (0, "")
    assert (row(output, "files"), row(output, "failed")) == ("1 (1 text)", "2")
    assert row(output, "secret.txt").startswith("PermissionError: ")
    assert row(output, "closed").startswith("PermissionError: ")


def test_with_rich_it_shows_the_same_figures_in_tables(odd_files):
    process = started(odd_files, plain=False)

    output, errors = process.communicate(timeout=50)

    assert (process.returncode, errors) == (0, "")
    assert re.search(r"│ files +│ 8 \(1 binary, 2 empty, 2 python, 3 text\) +│", output)
    assert re.search(r"│ \[bold\]\.bin +│ 800 +│", output)


def test_without_rich_it_speaks_plainly(tmp_path):
    (tmp_path / "a.txt").write_text("one two")
    code = (
        "import sys; sys.modules['rich'] = None\n"
        "from examples.index_folder.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert row(done.stdout, "words") == "2"


def test_a_worker_that_cannot_start_is_shown_with_its_log(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "celeriac.py").write_text("raise SystemExit('not the celeriac you look for')")

    process = started(tmp_path, "--keep", str(kept))
    _, errors = process.communicate(timeout=50)

    assert process.returncode == 1
    assert "the worker ended by itself with exit code 1" in errors
    assert "not the celeriac you look for" in errors


def test_an_empty_folder_is_summed_up_too(tmp_path):
    process = started(tmp_path)

    output, errors = process.communicate(timeout=50)

    assert (process.returncode, errors) == (0, "")
    assert row(output, "files") == "0 (none)"


def test_what_is_kept_is_the_sqlite_file_and_the_workers_log(tmp_path):
    folder, kept = tmp_path / "folder", tmp_path / "kept"
    folder.mkdir()
    (folder / "a.txt").write_text("a")

    process = started(folder, "--keep", str(kept))
    process.communicate(timeout=50)

    assert process.returncode == 0
    assert {"celeriac.sqlite3", "worker.log"} <= {path.name for path in kept.iterdir()}


def test_ctrl_c_stops_the_worker_too(tmp_path):
    # Work for many seconds, so that it cannot be over before it is interrupted.
    text = tmp_path / "text.txt"
    text.write_text("some words\n" * 30_000)
    for number in range(3000):
        (tmp_path / f"{number}.txt").hardlink_to(text)
    process = started(tmp_path)
    assert process.stdout is not None
    said = ""
    while "is ready" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line

    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=50)

    assert (process.returncode, errors) == (130, ""), rest
    assert "interrupted" in rest
    assert is_gone(worker_group(said))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    process = started(tmp_path / "nowhere")

    _, errors = process.communicate(timeout=50)

    assert process.returncode == 2
    assert "nowhere: there is no such folder" in errors
