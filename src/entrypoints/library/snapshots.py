"""Cameras: pictures of the cluster's state, taken again and again while events come in."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...application.signal import Signal
from ...domain.work.limits import Bucket, rate
from .current import get_current
from .events import State

if TYPE_CHECKING:
    from .app import Celeriac

__all__ = ["Polaroid", "evcam"]


class Polaroid:
    """Takes a picture every `freq` seconds; override `on_shutter(state)`.

    Args:
        state: What is pictured.
        freq: Seconds between two pictures.
        maxrate: The most there may be, such as `10/m`.
        cleanup_freq: Seconds between two calls of `on_cleanup`.
        timer: Keeps the time: has `call_repeatedly(seconds, function)`, whose answer can be
            cancelled; default: threads of its own.
        app: Whose cluster.
    """

    shutter_signal = Signal(name="shutter_signal", providing_args={"state"})
    cleanup_signal = Signal(name="cleanup_signal")
    #: Whether the state is cleared after each picture.
    clear_after = False
    #: Keeps the time of all cameras of a class; see the argument.
    timer: Any = None

    def __init__(
        self,
        state: State,
        freq: float = 1.0,
        maxrate: str | float | None = None,
        cleanup_freq: float = 3600.0,
        timer: Any = None,
        app: "Celeriac | None" = None,
    ) -> None:
        self.app, self.state = app or get_current(), state
        self.freq, self.cleanup_freq = float(freq), float(cleanup_freq)
        per_second = rate(maxrate)
        self.maxrate = None if per_second is None else Bucket(per_second)
        self.timer = timer or self.timer
        self._kept: list[Any] = []
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def install(self) -> None:
        """Begin to take pictures."""
        self._again(self.freq, self.capture)
        self._again(self.cleanup_freq, self.cleanup)

    def on_shutter(self, state: State) -> None:
        """Take the picture. Written by whoever writes the camera."""

    def on_cleanup(self) -> None:
        """Throw old pictures away. Written by whoever writes the camera."""

    def cleanup(self) -> None:
        """Have old pictures thrown away."""
        self.cleanup_signal.send(sender=self.state)
        self.on_cleanup()

    def shutter(self) -> None:
        """Take a picture, unless there were too many."""
        if self.maxrate is None or not self.maxrate.take(time.monotonic()):
            self.shutter_signal.send(sender=self.state)
            self.on_shutter(self.state)

    def capture(self) -> None:
        """Take a picture while nothing changes."""
        self.state.freeze_while(self.shutter, clear_after=self.clear_after)

    def cancel(self) -> None:
        """Take a last picture, and no more."""
        if not self._threads and not self._kept:
            return
        self._over.set()
        while self._kept:
            self._kept.pop().cancel()
        while self._threads:
            self._threads.pop().join(5)
        self.capture()

    def __enter__(self) -> "Polaroid":
        """Take pictures for a while."""
        self.install()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self.cancel()

    def _again(self, seconds: float, act: Callable[[], None]) -> None:
        if self.timer is not None:
            self._kept.append(self.timer.call_repeatedly(seconds, act))
            return

        def run() -> None:
            while not self._over.wait(seconds):
                act()

        thread = threading.Thread(target=run, name="celeriac-camera", daemon=True)
        self._threads.append(thread)
        thread.start()


def evcam(
    camera: type[Polaroid] | str,
    freq: float = 1.0,
    maxrate: str | float | None = None,
    app: "Celeriac | None" = None,
    limit: int | None = None,
    **options: Any,
) -> None:
    """Take pictures with a camera, a class or its `module:name`, until interrupted.

    With `limit`, until so many messages of events have come.
    """
    from importlib import import_module

    app = app or get_current()
    if isinstance(camera, str):
        module, _, name = camera.replace(":", ".").rpartition(".")
        camera = getattr(import_module(module), name)
    state = app.events.State()
    with (
        camera(state, freq=freq, maxrate=maxrate, app=app),  # type: ignore[operator]
        app.events.Receiver(handlers={"*": state.event}) as receiver,
    ):
        receiver.capture(limit)
