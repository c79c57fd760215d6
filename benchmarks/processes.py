"""Worker processes: started in a session of their own, measured and ended as one."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@contextmanager
def worker(arguments: Sequence[str], folder: Path) -> Iterator[int]:
    """Run a worker; its process id is that of its session."""
    log = (folder / "worker.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=log, stderr=log, start_new_session=True
    )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        for pid in session(process.pid):
            os.kill(pid, signal.SIGKILL)
        log.close()


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Run a Redis of our own, which keeps nothing; yield its URL."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise SystemExit("redis-server is not installed: install it, or name a server by --redis")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    process = subprocess.Popen([*command, "--save", "", "--logfile", "redis.log"])
    try:
        _await_port(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(15)


def _await_port(port: int) -> None:
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")


def session(leader: int) -> list[int]:
    """Return the processes of a session that are alive."""
    return [pid for pid, fields in _all() if int(fields[3]) == leader and fields[0] != "Z"]


def cpu_seconds(leader: int) -> float:
    """Return the processor time the session's processes have used."""
    return sum(
        sum(map(int, fields[11:13])) / _TICK for _, fields in _all() if int(fields[3]) == leader
    )


def pss_mib(leader: int) -> float:
    """Return the proportional set size of the session's processes."""
    total = 0
    for pid in session(leader):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def _all() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            yield int(entry.name), stat.rsplit(")", 1)[1].split()


def busy_cores(seconds: float) -> float:
    """Return how many cores the whole machine keeps busy, looking for that long."""
    before = _machine()
    time.sleep(seconds)
    return (_machine() - before) / seconds


def _machine() -> float:
    fields = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]]
    return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / _TICK
