"""Ports are implemented explicitly: what a third party forgets is found before it runs."""

from collections.abc import Sequence

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore, VirtualClock
from celeriac.domain.work.settlement import Settlement
from celeriac.ports.broker import Broker
from celeriac.ports.clock import Clock
from celeriac.ports.results import ResultBackend
from celeriac.ports.settler import Settler

clock: Clock = VirtualClock()
store = MemoryStore(clock)
broker: Broker = MemoryBroker(store)
results: ResultBackend = MemoryResults(store)
app = Celeriac("shop", broker=broker, backend=results, clock=clock)


class Whole(Settler):
    """Does all that its port asks for."""

    @property
    def atomic(self) -> bool:
        """Never."""
        return False

    def settle(self, settlements: Sequence[Settlement]) -> Sequence[bool]:
        """Commit nothing."""
        return [False] * len(settlements)


class Forgetful(Settler):
    """Forgets what its port is for."""

    @property
    def atomic(self) -> bool:
        """Never."""
        return False


class Different(Settler):
    """Answers otherwise than its port promises."""

    @property
    def atomic(self) -> bool:
        """Never."""
        return False

    def settle(self, settlements: Sequence[Settlement]) -> bool:  # type: ignore[override]
        """Commit nothing."""
        return False


settler: Settler = Whole()
Forgetful()  # type: ignore[abstract]
Celeriac("shop", clock="noon")  # type: ignore[arg-type]
wrong: Broker = results  # type: ignore[assignment]
