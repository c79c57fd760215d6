"""Measure celeriac beside its peers: `python -m benchmarks [SECTION …]`.

Sections: drain-sqlite (huey), drain-postgresql (procrastinate), roundtrip (huey), imports (Celery),
idle (Celery), eta (Celery), asyncio, recovery (no peer), and beside Celery on the same server
drain-redis, drain-rabbitmq, enqueue-redis, enqueue-rabbitmq, roundtrip-redis, canvas-redis.
Repetitions are interleaved; the table shows medians, and each ratio is of medians of one run. A
rate counts from the first task to the last, so start-up is not in it. Each repetition on Redis has
a fresh server of its own, unless one is named.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

from . import counter, eta, processes
from .peers.waiting import AT_ONCE, SECONDS
from .tables import Row, say, table

#: How many tasks a repetition drains: about three seconds' worth of each.
SIZES = {
    "celeriac_sqlite": 40_000,
    "huey_sqlite": 12_000,
    "celeriac_postgresql": 20_000,
    "procrastinate_postgresql": 2_000,
    "celeriac_redis": 40_000,
    "celery_redis": 3_000,
    "celeriac_redis_no_results": 60_000,
    "celery_redis_no_results": 4_000,
    "celeriac_rabbitmq_no_results": 30_000,
    "celery_rabbitmq_no_results": 6_000,
    "celery_rabbitmq_confirmed": 3_000,
}

REDIS = ("celeriac_redis", "celery_redis")
REDIS_NO_RESULTS = ("celeriac_redis_no_results", "celery_redis_no_results")
RABBITMQ = ("celeriac_rabbitmq_no_results", "celery_rabbitmq_no_results")

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
    parser.add_argument("--redis", default=os.environ.get("BENCH_REDIS", ""))
    parser.add_argument("--rabbitmq", default=os.environ.get("BENCH_RABBITMQ", ""))
    asked = parser.parse_args()
    os.environ["BENCH_POSTGRESQL"] = asked.postgresql or POSTGRESQL
    os.environ["BENCH_RABBITMQ"] = asked.rabbitmq or RABBITMQ_SERVER
    os.environ["BENCH_REDIS"] = asked.redis
    say(f"the machine keeps {processes.busy_cores(1.0):.2f} cores busy without us")
    for name in asked.sections:
        SECTIONS[name](asked.reps)


POSTGRESQL = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
RABBITMQ_SERVER = "amqp://guest:guest@127.0.0.1:5672//"


def drain(reps: int, *pairs: Sequence[str]) -> None:
    """Let workers drain a full queue."""
    for peers in pairs:
        table(repeated(peers, reps, _drain_once), "rate")


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
    table(repeated(peers, reps, _roundtrip_once), "p50_ms", "p99_ms")


def _roundtrip_once(peer: str, folder: Path) -> Row:
    told = client(peer, "reset")
    with processes.worker(told["worker"], folder):
        out = client(peer, "roundtrip", "300")
    return {key: out[key] for key in ("p50_ms", "p99_ms")}


def enqueue(peers: Sequence[str], reps: int) -> None:
    """Send while nobody works: call by call, and as many at once as there is a way to."""
    table(repeated(peers, reps, _enqueue_once), "singly", "in_batches")


def _enqueue_once(peer: str, folder: Path) -> Row:
    client(peer, "reset")
    singly = client(peer, "call", "3000")["rate"]
    size = SIZES[peer]
    return {"singly": singly, "in_batches": client(peer, "enqueue", str(size))["rate"]}


def canvas(peers: Sequence[str], reps: int) -> None:
    """Run work-flows of tasks that add one, from the call to the result in hand."""
    rows = repeated(("chain_alone_redis", *peers), reps, _canvas_once)
    table(rows, "chord_1000_ms", "chain_100_ms", "group_1000_ms")


def _canvas_once(peer: str, folder: Path) -> Row:
    if peer == "chain_alone_redis":
        command = [sys.executable, "-m", f"benchmarks.peers.{peer}"]
        alone: Row = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        return alone
    told = client(peer, "reset")
    with processes.worker(told["worker"], folder):
        out = client(peer, "canvas")
    return {key: value for key, value in out.items() if key.endswith("_ms")}


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
    peers = ("celeriac_sqlite", "celeriac_redis", "celery_redis_no_results")
    table(repeated(peers, reps, _idle_once), "pss_mib", "first_task_s")


def _idle_once(peer: str, folder: Path) -> Row:
    client(peer, "reset")
    told = client(peer, "enqueue", "1")
    begun = time.monotonic()
    with processes.worker(told["worker"], folder) as pid:
        wait_for(1, folder)
        first, spent = counter.first() - begun, processes.cpu_seconds(pid)
        time.sleep(5)
        before, since = processes.cpu_seconds(pid), time.monotonic()
        time.sleep(10)
        cpu = (processes.cpu_seconds(pid) - before) / (time.monotonic() - since)
        return {
            "pss_mib": processes.pss_mib(pid),
            "processes": float(len(processes.session(pid))),
            "idle_cpu_percent": cpu * 100,
            "first_task_s": first,
            "first_task_cpu_s": spent,
        }


def kills() -> None:
    """Kill workers under load; say how soon their tasks were taken up."""
    from . import recovery

    say(f"{'celeriac on Redis':28} {json.dumps(recovery.usual('redis'))}\n")
    say(f"{'celeriac on RabbitMQ':28} {json.dumps(recovery.usual('rabbitmq'))}\n")


def repeated(
    peers: Sequence[str], reps: int, once: Callable[[str, Path], Row]
) -> dict[str, list[Row]]:
    """Measure all peers in turn, again and again."""
    rows: dict[str, list[Row]] = {peer: [] for peer in peers}
    for _ in range(reps):
        for peer in peers:
            with surroundings(peer) as folder:
                rows[peer].append(once(peer, folder))
    return rows


def waits(reps: int) -> None:
    """Run tasks of 100 ms, a thousand at once, on an event loop; and on one with no queue."""
    rows: dict[str, list[Row]] = {}
    for _ in range(reps):
        for n in WAITS:
            rows.setdefault(f"asyncio alone, {n:,}", []).append(_waits_alone(n))
            rows.setdefault(f"celeriac, {n:,}", []).append(_waits(n))
    table(rows, "seconds")
    least, *_, most = WAITS
    for name in ("asyncio alone", "celeriac"):
        few, many = (
            median(row["seconds"] for row in rows[f"{name}, {n:,}"]) for n in (least, most)
        )
        further = (many - few) / (most - least) * AT_ONCE / SECONDS
        say(f"{name:28} over_ideal of each thousand after the first {further:.3f}")


def _waits(count: int) -> Row:
    with surroundings(WAITING) as folder:
        client(WAITING, "reset")
        told = client(WAITING, "enqueue", str(count))
        with processes.worker(told["worker"], folder) as pid:
            took = wait_for(2 * count, folder)  # each counts its beginning and its end
            cpu = processes.cpu_seconds(pid)
    return _waited(count, took, cpu / count * 1e6)


def _waits_alone(count: int) -> Row:
    command = [sys.executable, "-m", "benchmarks.peers.asyncio_alone", str(count)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return _waited(count, found["seconds"], found["cpu_us"])


def _waited(count: int, seconds: float, cpu_us: float) -> Row:
    ideal = ceil(count / AT_ONCE) * SECONDS
    return {"seconds": seconds, "over_ideal": seconds / ideal, "cpu_us": cpu_us}


@contextmanager
def surroundings(peer: str) -> Iterator[Path]:
    """Give one repetition a folder of its own, and a server where it needs one."""
    folder = Path(tempfile.mkdtemp(prefix="celeriac-bench-"))
    named = os.environ["BENCH_REDIS"]
    os.environ["BENCH_DIR"] = str(folder)
    try:
        if "redis" in peer and not named:
            with processes.redis(folder) as url:
                os.environ["BENCH_REDIS"] = url
                yield folder
        else:
            yield folder
    finally:
        os.environ["BENCH_REDIS"] = named
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


#: Tasks that wait, and how many of them.
WAITING = "celeriac_asyncio"
WAITS = (1_000, 20_000, 50_000)

SECTIONS: dict[str, Callable[[int], None]] = {
    "drain-sqlite": lambda reps: drain(reps, ("celeriac_sqlite", "huey_sqlite")),
    "drain-postgresql": lambda reps: drain(
        reps, ("celeriac_postgresql", "procrastinate_postgresql")
    ),
    "roundtrip": lambda reps: roundtrip(("celeriac_sqlite", "huey_sqlite"), reps),
    "imports": imports,
    "idle": idle,
    "eta": lambda reps: eta.measure(reps, surroundings),
    "asyncio": waits,
    "recovery": lambda reps: kills(),
    "drain-redis": lambda reps: drain(reps, REDIS, REDIS_NO_RESULTS),
    "drain-rabbitmq": lambda reps: drain(reps, RABBITMQ),
    "enqueue-rabbitmq": lambda reps: enqueue(
        (RABBITMQ[1], RABBITMQ[0], "celery_rabbitmq_confirmed"), reps
    ),
    "enqueue-redis": lambda reps: enqueue(REDIS, reps),
    "roundtrip-redis": lambda reps: roundtrip(REDIS, reps),
    "canvas-redis": lambda reps: canvas(REDIS, reps),
}


if __name__ == "__main__":
    main()
