"""`celery.beat.PersistentScheduler`: a scheduler that keeps last runs in a file, to derive from.

Beat itself needs no such file; one that is asked for by this very name is beat itself. The file is
Celery's, as `shelve` writes it: its entries are pickles, so it must be nobody else's to write.
"""

import logging
import shelve
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final

from ... import __version__
from .scheduler import Scheduler

logger = logging.getLogger("celery.beat")

#: What the kinds of files behind `shelve` add to a name.
SUFFIXES: Final = ("", ".db", ".dat", ".bak", ".dir")
ENTRIES: Final = "entries"


class PersistentScheduler(Scheduler):
    """Keeps its entries, and when they were sent last, in a file; without one, in memory."""

    #: Opens the file: something like `shelve`.
    persistence: Any = shelve
    known_suffixes: ClassVar[tuple[str, ...]] = SUFFIXES

    _store: Any = None

    def __init__(self, *args: Any, schedule_filename: str | None = None, **kwargs: Any) -> None:
        """Take the arguments of `Scheduler`, and the file's name."""
        self.schedule_filename = schedule_filename
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Read the file, and give its entries the settings' schedules.

        A file that cannot be read, or that was written under another time zone, begins anew.
        """
        if self.schedule_filename is None:
            super().setup_schedule()
            return
        self._store = self._opened(self.schedule_filename)
        before: dict[str, Any] = self._read()
        self.schedule = dict(before)
        for entry in before.values():
            entry.app = entry.schedule.app = self.app
        self.merge_inplace(self.app.conf.beat_schedule)
        self.install_default_entries(self.schedule)
        for name in self.schedule.keys() & before.keys():
            self.schedule[name].last_run_at = before[name].last_run_at
        self.sync()

    def _opened(self, name: str) -> Any:
        try:
            store = self.persistence.open(name)
            store.get(ENTRIES)  # what is broken shows when it is read
        except Exception as broken:
            logger.error("beat: %r cannot be read and begins anew: %s", name, broken)
            for suffix in self.known_suffixes:
                with suppress(FileNotFoundError):
                    Path(f"{name}{suffix}").unlink()
            store = self.persistence.open(name)
        return store

    def _read(self) -> dict[str, Any]:
        store = self._store
        if ENTRIES not in store:
            return {}
        if any(store.get(name, _NOTHING) != now for name, now in self._zone().items()):
            logger.warning("beat: the time zone has changed: last runs are forgotten")
            return {}
        return dict(store[ENTRIES])

    def _zone(self) -> dict[str, Any]:
        conf = self.app.conf
        return {"tz": conf.timezone and str(conf.timezone), "utc_enabled": conf.enable_utc}

    def sync(self) -> None:
        """Write the file."""
        if self._store is not None:
            self._store.update({ENTRIES: dict(self.schedule), **self._zone()})
            self._store["__version__"] = __version__
            self._store.sync()

    def close(self) -> None:
        """Write the file, and let go of it."""
        if self._store is not None:
            self.sync()
            self._store.close()
            self._store = None

    @property
    def info(self) -> str:
        """Where the file is."""
        return f"    . db -> {self.schedule_filename}" if self.schedule_filename else ""


_NOTHING: Final = object()
