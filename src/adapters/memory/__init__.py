"""Every port in the memory of one process: for users' own tests, and for whole clusters simulated.

Adapters that are given the same `MemoryStore` share all it holds, as several processes share a
database; each object is a client of its own.
"""

from .broker import MemoryBroker
from .bus import MemoryBus
from .clock import VirtualClock
from .coordinator import MemoryCoordinator
from .entropy import SeededEntropy
from .results import MemoryResults
from .schedule_store import MemoryScheduleStore
from .settler import MemorySettler
from .store import MemoryStore
from .telemetry import RecordingTelemetry, SilentTelemetry

__all__ = [
    "MemoryBroker",
    "MemoryBus",
    "MemoryCoordinator",
    "MemoryResults",
    "MemoryScheduleStore",
    "MemorySettler",
    "MemoryStore",
    "RecordingTelemetry",
    "SeededEntropy",
    "SilentTelemetry",
    "VirtualClock",
]
