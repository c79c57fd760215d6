"""A beat in a process of its own: `python -m tests.integration.beat.actor URL LEASE EVERY [DIES]`.

It sends `shop.tick` every so many seconds. DIES is a moment at which it kills itself, as the host
would: `before` publishing its first tick, or `after`.
"""

from __future__ import annotations

import os
import signal
import sys

from celeriac import Celeriac
from celeriac.entrypoints.beat import AppBeat


def make_app(url: str, lease: float = 15.0, every: float = 3600.0) -> Celeriac:
    return Celeriac(
        "shop",
        broker=url,
        backend="disabled://",
        beat_lease=lease,
        beat_schedule={"tick": {"task": "shop.tick", "schedule": every}},
        set_as_current=False,
    )


def die_when_publishing(app: Celeriac, moment: str) -> None:
    publish = app.sending.publish

    def publish_and_die(messages):
        if moment == "after":
            publish(messages)
        os.kill(os.getpid(), signal.SIGKILL)

    app.sending.publish = publish_and_die


def main(url: str, lease: str, every: str, dies: str = "") -> None:
    app = make_app(url, float(lease), float(every))
    if dies:
        die_when_publishing(app, dies)
    beat = AppBeat(app)
    signal.signal(signal.SIGTERM, lambda number, frame: beat.stop())
    beat.start()
    beat.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
