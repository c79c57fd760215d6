"""Asks the cluster who may begin, and keeps the slots that were got until they are given back."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from ..domain.errors import BackendUnavailable, BrokerUnavailable
from ..domain.work.admission import Ask
from ..domain.work.uniqueness import UniqueKey
from ..ports.coordinator import Coordinator, Grant

logger = logging.getLogger("celeriac.worker")

#: When to ask again a store that is away, in seconds.
PAUSE_SECONDS: Final = 1.0

_AWAY = (BrokerUnavailable, BackendUnavailable)


class Admission:
    """A worker's word with the coordinator. The hub asks and gives back, the keeper prolongs."""

    def __init__(self, coordinator: Callable[[], Coordinator], lease: float) -> None:
        """Hold slots for `lease` seconds at a time.

        The coordinator is asked for at the first task that needs it.
        """
        self._coordinator, self._lease = coordinator, lease
        self._held: set[tuple[str, str]] = set()
        self._guard = threading.Lock()
        self._more: Callable[[], None] | None = None

    @property
    def holds(self) -> int:
        """How many slots are held."""
        return len(self._held)

    @property
    def held(self) -> list[tuple[str, str]]:
        """The slots that are held."""
        with self._guard:
            return list(self._held)

    def on_more(self, call: Callable[[], None]) -> None:
        """Call this when slots were got, before their tasks begin."""
        self._more = call

    def ask(self, asks: Sequence[Ask]) -> Sequence[float]:
        """Return for each ask 0.0, the seconds to wait, or infinity; see `Coordinator.admit`."""
        try:
            answers = self._coordinator().admit(asks, self._lease)
        except _AWAY as away:
            logger.warning("cannot ask whether %d tasks may begin: %s", len(asks), away)
            return [PAUSE_SECONDS] * len(asks)
        except Exception:
            logger.exception("%d tasks have limits that nobody can watch over", len(asks))
            return [PAUSE_SECONDS] * len(asks)
        with self._guard:
            before = len(self._held)
            for one, answer in zip(asks, answers, strict=True):
                if answer == 0.0:
                    self._held.update((name, one.holder) for name, _ in one.slots)
            more = len(self._held) > before
        if more and self._more is not None:
            self._more()
        return answers

    def give_back(self, slots: Sequence[tuple[str, str]]) -> None:
        """Let others have slots; those that cannot be given back now run out by themselves."""
        if not slots:
            return
        with self._guard:
            self._held.difference_update(slots)
        try:
            self._coordinator().give_back(slots)
        except Exception as away:
            text = "%d slots cannot be given back, and run out in %g s (worker_lease): %s"
            logger.warning(text, len(slots), self._lease, away)

    def release(self, keys: Sequence[UniqueKey]) -> None:
        """Let go of keys of unique tasks; those that cannot be now run out by themselves."""
        grants = [Grant(key.name, key.holder, key.fence) for key in keys]
        try:
            self._coordinator().release_all(grants)
        except Exception as away:
            text = "%d keys of unique tasks are held until their period (unique_for) ends: %s"
            logger.warning(text, len(keys), away)

    def forget(self) -> None:
        """Prolong nothing any more of what is held now: it is another worker's turn."""
        with self._guard:
            self._held.clear()

    def prolong(self) -> None:
        """Hold on to what is held. Raises BrokerUnavailable."""
        if held := self.held:
            self._coordinator().prolong(held, self._lease)
