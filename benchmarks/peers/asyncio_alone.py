"""asyncio with no queue at all: `python -m benchmarks.peers.asyncio_alone COUNT`.

What waiting costs on an event loop anyway, a thousand at once: no worker can come nearer to ideal.
"""

import asyncio
import json
import sys
import time

from benchmarks.peers.waiting import AT_ONCE, SECONDS


async def wait(slots: asyncio.Semaphore) -> None:
    """Wait, and let the next one begin."""
    await asyncio.sleep(SECONDS)
    slots.release()


async def work_off(count: int) -> float:
    """Return the seconds that so many take."""
    slots, begun = asyncio.Semaphore(AT_ONCE), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            await slots.acquire()
            group.create_task(wait(slots))
    return time.perf_counter() - begun


if __name__ == "__main__":
    size = int(sys.argv[1])
    took = asyncio.run(work_off(size))
    sys.stdout.write(json.dumps({"seconds": took, "cpu_us": time.process_time() / size * 1e6}))
