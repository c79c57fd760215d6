"""One chord over very many tasks, whose workers are killed: `python -m benchmarks.big_chord`.

Prints how long sending, the header and the joining took, how often the body was begun (once), and
what the workers' logs say of lost leases. Not measured beside anybody: no peer ends this.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import processes
from .tables import say

#: Seconds of the workers' lease.
LEASE = 3


def main() -> None:
    """Send it, kill by chance, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=130_000)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broker", default=os.environ.get("BENCH_REDIS", ""))
    parser.add_argument("--backend", default="")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="celeriac-chord-"))
    broker = asked.broker or f"sqlite:///{folder / 'chord.sqlite3'}"
    os.environ["BENCH_DIR"] = str(folder)
    os.environ["BENCH_CHORD"] = f"{broker} {asked.backend or broker}"
    _run(asked, folder, random.Random(asked.seed))


def _run(asked: argparse.Namespace, folder: Path, chance: random.Random) -> None:
    from celeriac import chord

    from .peers import big_chord as peer

    begun = time.monotonic()
    result = chord(peer.part.s(n) for n in range(asked.size))(peer.total.s())
    say(f"sent {asked.size} header tasks in {time.monotonic() - begun:.1f} s")
    begun, workers = time.monotonic(), [_worker(folder) for _ in range(asked.workers)]
    try:
        for kill in range(1, asked.kills + 1):
            left = asked.size * (asked.kills + 1 - kill) // (asked.kills + 1)
            _until(lambda left=left: peer.waiting() <= left, workers, folder)
            victim = workers.pop(chance.randrange(len(workers)))
            os.killpg(victim.pid, signal.SIGKILL) if kill % 2 else victim.kill()
            victim.wait()
            say(f"killed one at {time.monotonic() - begun:.1f} s, {peer.waiting()} waiting")
            workers.append(_worker(folder))
        _until(lambda: not peer.waiting(), workers, folder)
        drained = time.monotonic()
        say(f"the header was taken up within {drained - begun:.1f} s")
        count, total = result.get(timeout=600)
        say(f"its result was there {time.monotonic() - drained:.1f} s later: {count}, {total}")
        cpu = [processes.cpu_seconds(worker.pid) for worker in workers]
        say(f"workers that live used {', '.join(f'{one:.1f}' for one in cpu)} s of a processor")
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(30)
        peer.clean()
    logs = "".join(log.read_text() for log in folder.glob("*.log"))
    bodies = (folder / "bodies").read_text().count("\n")
    say(f"the body was begun {bodies} times; leases lost: {logs.count('was lost (worker_lease)')}")
    right = (count, total) == (asked.size, sum(range(asked.size)))
    sys.exit(0 if right and bodies == 1 else 1)


def _until(
    true: Callable[[], bool], workers: Sequence["subprocess.Popen[bytes]"], folder: Path
) -> None:
    while not true():
        time.sleep(0.1)
        if any(worker.poll() is not None for worker in workers):
            logs = sorted(folder.glob("*.log"), key=lambda log: log.stat().st_mtime)
            raise RuntimeError(f"a worker ended by itself:\n{logs[-1].read_text()[-2000:]}")


def _worker(folder: Path) -> "subprocess.Popen[bytes]":
    log = (folder / f"{time.monotonic_ns()}.log").open("wb")
    words = ["-m", "celeriac", "-A", "benchmarks.peers.big_chord:app", "worker", "-l", "INFO"]
    return subprocess.Popen(
        [sys.executable, *words, "-c", "2", "-n", f"w{time.monotonic_ns()}@%h"],
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


if __name__ == "__main__":
    main()
