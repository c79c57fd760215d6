"""Beat within a worker: `celeriac worker -B`."""

import logging
import threading
from typing import TYPE_CHECKING, Any, Final

from ...application.signals import beat_embedded_init
from ..beat import AppBeat, BeatOptions

if TYPE_CHECKING:
    from ..library.app import Celeriac

logger = logging.getLogger("celeriac.beat")

#: How long beat may take to end its look at the schedule, in seconds.
PARTING_SECONDS: Final = 5.0


class EmbeddedBeat:
    """Runs beat on a thread of the worker's process."""

    def __init__(self, app: "Celeriac", asked: dict[str, Any]) -> None:
        """Run it with what the worker was asked; nothing is opened yet."""
        self._app, self._asked = app, asked
        self._beat: AppBeat | None = None
        self._thread = threading.Thread(target=self._work, name="celeriac-beat", daemon=True)

    def start(self) -> None:
        """Begin to send what is due. Only once the pool has forked: this opens connections."""
        self._beat = AppBeat(
            self._app,
            BeatOptions(
                schedule_filename=self._asked["schedule_filename"],
                scheduler=self._asked["scheduler"],
                remote_control=False,  # the worker answers
            ),
        )
        self._beat.start()
        beat_embedded_init.send(sender=self._beat)
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more."""
        if self._beat is not None:
            self._beat.stop()
            self._thread.join(PARTING_SECONDS)

    def _work(self) -> None:
        assert self._beat is not None
        try:
            self._beat.run()
        except Exception:
            logger.exception("beat broke; the worker goes on without it")
