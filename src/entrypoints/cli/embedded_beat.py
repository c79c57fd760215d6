"""Beat within a worker: `celeriac worker -B`."""

from typing import TYPE_CHECKING, Any

from .program import CommandFailed

if TYPE_CHECKING:
    from ..library.app import Celeriac


class EmbeddedBeat:
    """Runs beat on a thread of the worker's process."""

    def __init__(self, app: "Celeriac", asked: dict[str, Any]) -> None:
        raise CommandFailed("beat is not there yet")

    def start(self) -> None:
        """Begin to send what is due."""

    def stop(self) -> None:
        """Send nothing more."""
