"""Measure celeriac beside its peers: `python -m benchmarks [SECTION …]`.

Sections: drain-sqlite (huey), drain-postgresql (procrastinate), roundtrip (huey), imports (Celery),
idle (Celery), recovery (no peer). Repetitions of all cases are interleaved; the table shows
medians, and each ratio is of medians of one run. A rate counts from the first task to the last, so
start-up is not in it.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import counter, processes

Row = dict[str, float]

#: How many tasks a repetition drains: about three seconds' worth of each.
SIZES = {
    "celeriac_sqlite": 40_000,
    "huey_sqlite": 12_000,
    "celeriac_postgresql": 20_000,
    "procrastinate_postgresql": 2_000,
}

IMPORTS = {
    "celeriac": "from celeriac import Celeriac; Celeriac('x').task(lambda: 1)",
    "Celery": "from celery import Celery; Celery('x').task(lambda: 1)",
}


def main() -> None:
    """Run the sections asked for and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), help=", ".join(SECTIONS))
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--postgresql", default=os.environ.get("BENCH_POSTGRESQL", ""))
    asked = parser.parse_args()
    os.environ["BENCH_POSTGRESQL"] = asked.postgresql or POSTGRESQL
    say(f"the machine keeps {processes.busy_cores(1.0):.2f} cores busy without us")
    for name in asked.sections:
        SECTIONS[name](asked.reps)


POSTGRESQL = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"


def drain(peers: Sequence[str], reps: int) -> None:
    """Let workers drain a full queue."""
    rows: dict[str, list[Row]] = {peer: [] for peer in peers}
    for _ in range(reps):
        for peer in peers:
            rows[peer].append(in_folder(lambda folder, p=peer: _drain_once(p, folder)))
    table(rows, "rate")


def _drain_once(peer: str, folder: Path) -> Row:
    size = SIZES[peer]
    client(peer, "reset")
    sent = client(peer, "enqueue", str(size))
    with processes.worker(sent["worker"], folder) as pid:
        ran = wait_for(size, folder)
        cpu = processes.cpu_seconds(pid)
    return {"rate": (size - 1) / ran, "enqueue": sent["rate"], "cpu_us": cpu / size * 1e6}


def wait_for(count: int, folder: Path, timeout: float = 120.0) -> float:
    """Wait until so many tasks were run; return the seconds between the first and the last."""
    ends = time.monotonic() + timeout
    while time.monotonic() < ends:
        ran, seconds = counter.read()
        if ran >= count:
            return seconds
        time.sleep(0.05)
    log = (folder / "worker.log").read_text()[-2000:]
    raise TimeoutError(f"{counter.read()[0]} of {count} tasks ran within {timeout} s\n{log}")


def roundtrip(peers: Sequence[str], reps: int) -> None:
    """Send one task and wait for its result, again and again."""
    rows: dict[str, list[Row]] = {peer: [] for peer in peers}
    for _ in range(reps):
        for peer in peers:
            rows[peer].append(in_folder(lambda folder, p=peer: _roundtrip_once(p, folder)))
    table(rows, "p50_ms")


def _roundtrip_once(peer: str, folder: Path) -> Row:
    told = client(peer, "reset")
    with processes.worker(told["worker"], folder):
        out = client(peer, "roundtrip", "300")
    return {key: out[key] for key in ("p50_ms", "p99_ms")}


def imports(reps: int) -> None:
    """Start an interpreter, import, declare a task."""
    rows: dict[str, list[Row]] = {name: [] for name in IMPORTS}
    bare: list[Row] = []
    for _ in range(reps * 5):
        bare.append({"ms": _interpreter("pass")})
        for name, code in IMPORTS.items():
            rows[name].append({"ms": _interpreter(code)})
    table({"bare interpreter": bare, **rows}, "ms")


def _interpreter(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (time.perf_counter() - begun) * 1e3


def idle(reps: int) -> None:
    """Look at a worker with two children that has run one task and has nothing to do."""
    peers = ("celeriac_sqlite", "celery_redis")
    rows: dict[str, list[Row]] = {peer: [] for peer in peers}
    for _ in range(reps):
        for peer in peers:
            rows[peer].append(in_folder(lambda folder, p=peer: _idle_once(p, folder)))
    table(rows, "pss_mib")


def _idle_once(peer: str, folder: Path) -> Row:
    client(peer, "reset")
    told = client(peer, "enqueue", "1")
    begun = time.monotonic()
    with processes.worker(told["worker"], folder) as pid:
        wait_for(1, folder)
        first = time.monotonic() - begun
        time.sleep(5)
        before, since = processes.cpu_seconds(pid), time.monotonic()
        time.sleep(10)
        cpu = (processes.cpu_seconds(pid) - before) / (time.monotonic() - since)
        return {
            "pss_mib": processes.pss_mib(pid),
            "processes": float(len(processes.session(pid))),
            "idle_cpu_percent": cpu * 100,
            "first_task_s": first,
        }


def kills() -> None:
    """Kill workers on Redis under load; say how soon their tasks were taken up."""
    from . import recovery

    say(f"{'celeriac on Redis':28} {json.dumps(recovery.usual())}\n")


def in_folder(run: Callable[[Path], Row]) -> Row:
    """Run one repetition in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="celeriac-bench-"))
    os.environ["BENCH_DIR"] = str(folder)
    try:
        return run(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def client(peer: str, *words: str) -> dict[str, Any]:
    """Have a client process do something; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.client", peer, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{peer} {' '.join(words)} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def table(rows: dict[str, list[Row]], ratio_of: str) -> None:
    """Print medians (least to most), and the first row's ratio to the last one's."""
    for name, found in rows.items():
        cells = [f"{key} {_spread([row[key] for row in found])}" for key in found[0]]
        say(f"{name:28} " + "   ".join(cells))
    names = list(rows)
    first, last = (
        statistics.median(row[ratio_of] for row in rows[n]) for n in (names[-2], names[-1])
    )
    say(f"{'ratio':28} {ratio_of} {names[-2]} / {names[-1]} = {first / last:.2f}\n")


def _spread(values: list[float]) -> str:
    return f"{_number(statistics.median(values))} ({_number(min(values))}-{_number(max(values))})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


SECTIONS: dict[str, Callable[[int], None]] = {
    "drain-sqlite": lambda reps: drain(("celeriac_sqlite", "huey_sqlite"), reps),
    "drain-postgresql": lambda reps: drain(
        ("celeriac_postgresql", "procrastinate_postgresql"), reps
    ),
    "roundtrip": lambda reps: roundtrip(("celeriac_sqlite", "huey_sqlite"), reps),
    "imports": imports,
    "idle": idle,
    "recovery": lambda reps: kills(),
}


if __name__ == "__main__":
    main()
