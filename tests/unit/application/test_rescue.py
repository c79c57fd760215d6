"""How often a worker looks after the dead."""

import threading
from queue import SimpleQueue

import pytest

from celeriac.adapters.memory import MemoryBroker, MemoryStore, VirtualClock
from celeriac.application.rescue import DOUBT_SECONDS, Rescuer


class InDoubt(MemoryBroker):
    """Keeps a message back that somebody else had started."""

    @property
    def is_in_doubt(self):
        return True


@pytest.mark.parametrize(
    ("kind", "lease", "pause"),
    [(MemoryBroker, 15.0, 5.0), (InDoubt, 15.0, DOUBT_SECONDS), (InDoubt, 1.5, 0.5)],
)
def test_the_dead_are_looked_for_sooner_while_somebody_is_in_doubt(kind, lease, pause):
    broker = kind(MemoryStore(VirtualClock()))
    broker.enlist("w@host", lease)
    rescuer = Rescuer(broker, ["jobs"], lease, SimpleQueue(), threading.Event(), lambda: None)

    assert rescuer.step() == pause
