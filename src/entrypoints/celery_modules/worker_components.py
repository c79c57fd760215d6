"""`celery.worker.components`: names for the stages of a worker's start, which steps require.

They do nothing themselves: by the time a step is started its worker is that far already.
"""

from ..library.bootsteps import StartStopStep

__all__ = ["Beat", "Consumer", "Hub", "Pool", "StateDB", "Timer"]


class Timer(StartStopStep):
    """`worker.timer` is there."""

    name = "celery.worker.components.Timer"


class Hub(StartStopStep):
    """The worker has been made."""

    name = "celery.worker.components.Hub"
    requires = (Timer,)


class Pool(StartStopStep):
    """The pool has been started."""

    name = "celery.worker.components.Pool"
    requires = (Hub,)


class Beat(StartStopStep):
    """Beat, if it is embedded, starts later."""

    name = "celery.worker.components.Beat"
    label = "Beat"
    conditional = True


class StateDB(StartStopStep):
    """What is remembered is read when the worker joins."""

    name = "celery.worker.components.StateDB"


class Consumer(StartStopStep):
    """The worker joins the cluster."""

    name = "celery.worker.components.Consumer"
    last = True
