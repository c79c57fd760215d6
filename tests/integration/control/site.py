"""A site whose processes are Celery's or ours, started as people start them."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
#: How long anything may take on a busy machine, in seconds.
PATIENCE = 30.0


class Site:
    """Processes over the keys of one prefix."""

    def __init__(self, url: str, prefix: str, folder: Path) -> None:
        self.url, self.prefix, self.folder = url, prefix, folder
        self.settings: dict[str, Any] = {}
        self._running: list[tuple[subprocess.Popen[bytes], Path]] = []

    def environ(self, kind: str) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith(("CELERY_", "CELERIAC_"))}
        path = os.pathsep.join([str(Path(__file__).parent), str(ROOT)])
        site = {
            "SITE_KIND": kind,
            "SITE_BROKER": self.url,
            "SITE_PREFIX": self.prefix,
            "SITE_SETTINGS": json.dumps(self.settings),
            "C_FORCE_ROOT": "1",  # Celery's workers refuse pickle otherwise, where root runs tests
        }
        return {**own, **site, "PYTHONPATH": path, "FLOWER_UNAUTHENTICATED_API": "true"}

    def start(self, kind: str, *words: str, ready: str | None) -> Path:
        """Start a program of a kind; return the file of its output."""
        output = self.folder / f"output-{len(self._running)}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", kind, "-A", "site_app", *words],
                cwd=self.folder,
                env=self.environ(kind),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self._running.append((process, output))
        if ready is not None:
            eventually(lambda: ready in output.read_text(), output.read_text)
        return output

    def worker(self, kind: str, node: str, *words: str) -> Path:
        """Start a worker and wait until it is ready."""
        options = ("worker", "-n", node, "-l", "INFO", *words)
        return self.start(kind, *options, ready=" ready.")

    def command(self, kind: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return self._run([sys.executable, "-m", kind, "-A", "site_app", *words], kind)

    def asked(self, kind: str, *words: str) -> Any:
        """Return what a command says in JSON."""
        done = self.command(kind, *words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def script(self, kind: str, text: str) -> Any:
        """Run a script that prints JSON as its last line; return that."""
        done = self._run([sys.executable, "-c", text], kind)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def _run(self, words: list[str], kind: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            words,
            cwd=self.folder,
            env=self.environ(kind),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE + 20,
            check=False,
        )

    @property
    def first(self) -> Path:
        """The output of what was started first."""
        return self._running[0][1]

    def stop(self, output: Path) -> int:
        """Stop the program that writes there; return its exit code."""
        process = next(process for process, file in self._running if file == output)
        process.send_signal(signal.SIGTERM)
        return process.wait(PATIENCE)

    def exit_code(self, output: Path) -> int:
        """Wait for the end of the program that writes there."""
        process = next(process for process, file in self._running if file == output)
        return process.wait(PATIENCE)

    def close(self) -> None:
        """End all that was started."""
        for process, _ in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process, _ in self._running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def eventually(true: Callable[[], bool], otherwise: Callable[[], Any]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, otherwise()
        time.sleep(0.05)


def fetched(url: str) -> Any:
    """Return the JSON behind a URL; None while there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own
            return json.load(answer)
    except (urllib.error.URLError, OSError):
        return None
