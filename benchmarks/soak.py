"""A worker under steady load: `python -m benchmarks.soak [--tasks 1000000] [--hours 1]`.

A worker with two children, on a Redis of our own, runs tasks of all kinds at a steady rate: plain
ones, some under limits, some that retry, fail or are due in a few seconds, chains, chords, and
calls that are revoked; results expire soon and events are on. Every ten seconds the memory, files
and threads of its hub, of the process that forks and of the children are looked at. Prints what
they grow by an hour after the warm-up (a sixth of the time). Ends with 1 if the hub's or a child's
own memory (USS) grows by more than --limit MB/h, if a child was replaced, or if a call is not
accounted for: each must have been run as often as it should, and its result be as expected.

During the warm-up all of the worker is stopped for some seconds, several times: an allocator keeps
what the largest batch took, and batches are largest after a pause. On a busy machine there would be
such pauses at any time, and each that is longer than those before looks like growth.

PSS moves with what else runs on the machine, since processes share libraries; USS does not.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis

from . import memory, processes
from .tables import say

#: Seconds between two looks, between two batches of calls, and between two remote commands.
LOOK, BATCH, COMMAND = 10.0, 0.25, 30.0
#: The part of the time that does not count: caches fill, and the allocator finds its size.
WARM_UP = 1 / 6
#: The least seconds of it.
SHORTEST_WARM_UP = 60.0
#: The parts of the warm-up at which the worker is stopped, and the seconds until it goes on.
STOPS, STOPPED = (0.3, 0.5, 0.7), 6.0
#: The least number of samples that a line is drawn through.
ENOUGH = 10
#: Seconds for the last calls to come to their end.
PATIENCE = 60.0


def main() -> None:
    """Run as asked for, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--limit", type=float, default=1.0, help="MB/h")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--worker", default="", help="further options of the worker")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="celeriac-soak-")))
        url = stack.enter_context(processes.redis(folder))
        os.environ |= {"BENCH_DIR": str(folder), "BENCH_SOAK": url}
        (folder / "ledger").write_bytes(bytes(asked.tasks))
        words = ["-m", "celeriac", "-A", "benchmarks.peers.soak:app", "worker", "-l", "WARNING"]
        words += ["-c", "2", *asked.worker.split()]
        hub = stack.enter_context(processes.worker(words, folder))
        right = Soak(asked, hub, url).run()
        kept = (folder / "worker.log").read_text()
        said = [line for line in kept.splitlines() if "CRITICAL" in line or "WARNING" in line]
        say("\n".join(["", f"the worker's log has {len(said)} warnings:", *said[:10]]))
    sys.exit(0 if right else 1)


class Soak:
    """One run: the load, the looks at the worker's processes, and the account at the end."""

    def __init__(self, asked: argparse.Namespace, hub: int, url: str) -> None:
        from .soak_load import Load

        self._seconds = asked.hours * 3600
        self._warm_up = max(SHORTEST_WARM_UP, self._seconds * WARM_UP)
        self._limit: float = asked.limit
        self._hub = hub
        self._store = redis.Redis.from_url(url)
        self._load = Load(asked.tasks, asked.seed)
        self._looks: dict[int, list[memory.Sample]] = {}
        self._kept: list[tuple[float, float]] = []

    def run(self) -> bool:
        """Run it to the end; return whether all is as it should be."""
        self._load.until_ready()
        begun = time.monotonic()
        at = {"look": 0.0, "command": COMMAND}
        stops = [part * self._warm_up for part in STOPS]
        while (now := time.monotonic() - begun) < self._seconds:
            self._load.send_until(min(1.0, (now + BATCH) / self._seconds))
            self._load.account()
            if stops and now >= stops[0]:
                os.killpg(self._hub, signal.SIGSTOP)
            if stops and now >= stops[0] + STOPPED:
                os.killpg(self._hub, signal.SIGCONT)
                del stops[0]
            if now >= at["look"]:
                at["look"] += LOOK
                self._look(now)
            if now >= at["command"]:
                at["command"] += COMMAND
                self._load.command()
            time.sleep(max(0.0, BATCH - (time.monotonic() - begun - now)))
        self._load.end(PATIENCE)
        self._look(time.monotonic() - begun)
        return self._told()

    def _look(self, now: float) -> None:
        for pid in processes.session(self._hub):
            try:
                self._looks.setdefault(pid, []).append(memory.look(pid, now))
            except OSError:
                continue
        self._kept.append((now, self._store.info("memory")["used_memory"] / 1e6))
        if len(self._kept) % 6 == 1:
            sizes = " ".join(f"{pid}:{found[-1].uss:.2f}" for pid, found in self._looks.items())
            say(f"{now:6.0f} s  {self._load}  USS {sizes}  store {self._kept[-1][1]:.1f}")

    # -- the end -------------------------------------------------------------------------------

    def _told(self) -> bool:
        warm_up = self._warm_up
        say(f"\nMB after {warm_up:.0f} s and at the end; slopes in MB/h with their standard errors")
        right = True
        for role, pid in self._roles():
            found = [one for one in self._looks[pid] if warm_up <= one.at <= self._seconds]
            if len(found) < ENOUGH:
                say(f"{role:10} {pid}: only {len(found)} samples")
                right = False
                continue
            cells, own = self._cells(found)
            say(f"{role:10} {cells}")
            right &= role == "nursery" or own <= self._limit
        kept = [(at, size) for at, size in self._kept if warm_up <= at <= self._seconds]
        if len(kept) >= ENOUGH:
            say(f"{'store':10} {self._grown('used', *zip(*kept, strict=True))}")
        say(f"\n{self._load}; processor seconds used: {processes.cpu_seconds(self._hub):.0f}")
        wrong = self._load.wrong()
        say("\n".join([f"{len(wrong)} calls are not accounted for", *wrong[:10]]))
        return right and not wrong

    def _roles(self) -> Iterator[tuple[str, int]]:
        children = 0
        for pid in sorted(self._looks):
            if pid == self._hub:
                yield "hub", pid
            elif memory.parent(pid) == self._hub:
                yield "nursery", pid
            else:
                children += 1
                yield f"child {children}", pid

    def _cells(self, found: list[memory.Sample]) -> tuple[str, float]:
        times = [one.at for one in found]
        cells = [
            self._grown(name, times, [getattr(one, name) for one in found])
            for name in ("uss", "pss", "rss")
        ]
        for name in ("files", "threads"):
            numbers = [getattr(one, name) for one in found]
            cells.append(f"{name} {numbers[0]} {numbers[-1]} (at most {max(numbers)})")
        return "   ".join(cells), memory.slope(times, [one.uss for one in found]).per_hour

    def _grown(self, name: str, times: Any, sizes: Any) -> str:
        line = memory.slope(times, sizes)
        rise = f"{line.per_hour:+.2f} ± {line.error:.2f}"
        return f"{name} {sizes[0]:.2f} {sizes[-1]:.2f} {rise}"


if __name__ == "__main__":
    main()
