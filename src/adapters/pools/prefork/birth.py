"""How a child begins and ends, whatever it does in between."""

import logging
import os
import signal
from collections.abc import Callable
from importlib import import_module
from types import FrameType
from typing import Any, Final

from ....domain.work.job import Runner
from .plan import Plan

logger = logging.getLogger("celeriac.pool")

# What a terminal or a service manager sends to the whole group: only the hub decides on these.
HUBS_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def main(
    sock: int, journal: int, runner: Callable[[], Runner], plan: Plan, prepare: Callable[[], None]
) -> None:
    """Be a child with these files, in a process of its own; `runner` is made when all is ready."""
    prepare()
    reset_signals()
    close_stdin()
    try:
        body_of(plan)(sock, journal, runner(), plan.options)
    except (BrokenPipeError, ConnectionResetError):
        os._exit(1)  # the hub is gone
    except BaseException:
        logger.exception("process %d of the pool could not go on", os.getpid())
        os._exit(1)


def body_of(plan: Plan) -> Callable[[int, int, Runner, Any], None]:
    """Import what the plan names."""
    module, _, name = plan.body.partition(":")
    body: Callable[[int, int, Runner, Any], None] = getattr(import_module(module), name)
    return body


def reset_signals() -> None:
    """Undo what the worker's process has set up, and leave the group's signals to the hub."""
    me = os.getpid()

    def leave_to_the_hub(signum: int, at: FrameType | None) -> None:
        # Not SIG_IGN, which programs started by tasks would inherit; and a process forked by a
        # task must be mortal.
        if os.getpid() != me:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)

    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    for number in HUBS_SIGNALS:
        signal.signal(number, leave_to_the_hub)


def close_stdin() -> None:
    """Give tasks an empty input, so that none reads what is typed for the worker."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
