"""One client process: `python -m benchmarks.client PEER OPERATION [N]` prints one line of JSON."""

import importlib
import json
import statistics
import sys
import time
from typing import Any


def main() -> None:
    """Do what the command line says."""
    name, operation, *rest = sys.argv[1:]
    peer: Any = importlib.import_module(f"benchmarks.peers.{name}")
    out: dict[str, Any] = {"name": peer.NAME, "worker": peer.WORKER}
    match operation:
        case "describe":
            pass
        case "reset":
            peer.reset()
        case "enqueue":
            count = int(rest[0])
            peer.enqueue(1)  # the first one connects
            peer.reset()
            begun = time.perf_counter()
            peer.enqueue(count)
            out["rate"] = count / (time.perf_counter() - begun)
        case "call":
            out["rate"] = _calls(peer, int(rest[0]))
        case "roundtrip":
            out |= _roundtrips(peer, int(rest[0]))
        case "canvas":
            out |= _canvas(peer)
    sys.stdout.write("\n" + json.dumps(out) + "\n")


def _calls(peer: Any, count: int) -> float:
    for _ in range(10):  # the first one connects
        peer.call()
    begun = time.perf_counter()
    for _ in range(count):
        peer.call()
    return count / (time.perf_counter() - begun)


def _canvas(peer: Any) -> dict[str, float]:
    # The first of each is not measured: what it needs is imported, in the workers too.
    for start in peer.canvas().values():
        start().get(timeout=60)
    took = {}
    for name, start in peer.canvas().items():
        begun = time.perf_counter()
        start().get(timeout=60)
        took[f"{name}_ms"] = (time.perf_counter() - begun) * 1e3
    return took


def _roundtrips(peer: Any, count: int) -> dict[str, float]:
    for _ in range(5):
        peer.roundtrip()
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        peer.roundtrip()
        took.append((time.perf_counter() - begun) * 1e3)
    took.sort()
    return {"p50_ms": statistics.median(took), "p99_ms": took[int(len(took) * 0.99)]}


main()
