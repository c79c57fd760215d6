"""Starts the command line as people do, in a folder of its own; nothing may outlive its test."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from celeriac import Celeriac
from celeriac.entrypoints.library.results import AsyncResult

APP = Path(__file__).with_name("shop_app.py")
ROOT = Path(__file__).parents[3]
#: How long anything may take on a busy machine, in seconds.
PATIENCE = 45.0
#: Set for all processes of a place, and so for what they start: how stragglers are found.
BADGE = "SHOP_UNDER_TEST"


class Program:
    """A command that runs; its output is kept in a file."""

    def __init__(self, process: "subprocess.Popen[bytes]", output: Path) -> None:
        self.process, self._output = process, output

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return self._output.read_text()

    def until_it_says(self, text: str, seconds: float = PATIENCE) -> None:
        eventually(
            lambda: text in self.output or self.process.poll() is not None, self.__str__, seconds
        )
        assert text in self.output, str(self)

    def send(self, signum: int) -> None:
        self.process.send_signal(signum)

    def exit_code(self, seconds: float = PATIENCE) -> int:
        return self.process.wait(seconds)

    def stop(self, signum: int = signal.SIGTERM) -> int:
        self.send(signum)
        return self.exit_code()

    def __str__(self) -> str:
        return f"program {self.pid}, exit code {self.process.poll()}, said:\n{self.output}"


class Place:
    """A folder with the app in it, and a client of its broker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(APP, folder / "shop.py")
        store = f"sqlite:///{folder / 'celeriac.sqlite3'}"
        self.app = Celeriac("shop", broker=store, backend=store, set_as_current=False)
        self._programs: list[Program] = []

    # -- programs

    def start(self, *words: str, environ: Mapping[str, str] | None = None) -> Program:
        output = self.folder / f"output-{len(self._programs)}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "celeriac", *words],
                cwd=self.folder,
                env=self._environ(environ),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that a signal can be sent to all of it
            )
        program = Program(process, output)
        self._programs.append(program)
        return program

    def worker(self, *words: str) -> Program:
        program = self.start("-A", "shop", "worker", "-l", "INFO", *words)
        program.until_it_says(" ready.")
        return program

    def run(
        self, *words: str, environ: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "celeriac", *words],
            cwd=self.folder,
            env=self._environ(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def _environ(self, more: Mapping[str, str] | None) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith(("CELERY_", "CELERIAC_"))}
        path = os.pathsep.join(filter(None, [(more or {}).get("PYTHONPATH"), str(ROOT)]))
        return {**own, **(more or {}), "PYTHONPATH": path, **self._badge()}

    def _badge(self) -> dict[str, str]:
        return {BADGE: str(self.folder), "CELERIAC_RUN_DIR": str(self.folder / "run")}

    # -- tasks

    def send(self, name: str, *args: Any, **options: Any) -> AsyncResult[Any]:
        return self.app.send_task(f"shop.{name}", args, **options)

    def marks(self) -> list[str]:
        file = self.folder / "marks.txt"
        return file.read_text().splitlines() if file.exists() else []

    def until_begun(self, name: str, times: int = 1) -> int:
        """Return the process in which a task began."""
        begun: list[str] = []

        def there() -> bool:
            begun[:] = [line for line in self.marks() if line.startswith(f"begin {name} ")]
            return len(begun) >= times

        eventually(there, lambda: f"{name} did not begin; {self.marks()}\n{self}")
        return int(begun[-1].split()[-1])

    # -- the end

    def close(self) -> None:
        self.app.close()
        for program in self._programs:
            if program.process.poll() is None:
                program.send(signal.SIGKILL)
                program.process.wait(PATIENCE)

    def left_over(self) -> list[str]:
        """Return what still runs of this place, after a moment to end."""
        try:
            eventually(lambda: not self._stragglers(), lambda: "", 5.0)
        except AssertionError:
            found = self._stragglers()
            for pid in found:
                os.kill(pid, signal.SIGKILL)
            return list(found.values())
        return []

    def _stragglers(self) -> dict[int, str]:
        badge = f"{BADGE}={self.folder}".encode()
        found: dict[int, str] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if badge in (entry / "environ").read_bytes().split(b"\0"):
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(entry.name)] = line.decode()
            except OSError:
                continue
        return found

    def __str__(self) -> str:
        return "\n".join(map(str, self._programs))


def eventually(
    true: Callable[[], bool], otherwise: Callable[[], str], seconds: float = PATIENCE
) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, otherwise()
        time.sleep(0.01)
