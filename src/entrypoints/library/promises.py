"""What is called when a result is there: one thread waits for all results somebody asked for."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from .app import Celeriac

logger = logging.getLogger("celeriac")

Callback = Callable[[Any], Any]

#: How long one look at the backend waits, in seconds.
LOOK_SECONDS: Final = 0.5


class Promised:
    """The callbacks of one result, called in the order they were given."""

    def __init__(self, result: Any) -> None:
        """Promise nothing yet."""
        self.result = result
        self.callbacks: list[tuple[Callback, Callback | None]] = []

    def keep(self) -> None:
        """Call them; what one raises is logged, and the others are called all the same."""
        failure = self.result.result if self.result.failed() else None
        for callback, on_error in self.callbacks:
            try:
                if failure is not None and on_error is not None:
                    on_error(failure)
                else:
                    callback(self.result)
            except Exception:
                logger.exception("a callback of %r raised", self.result)


class Promises:
    """Watches the results of one app on a thread that lives as long as there is one to watch."""

    def __init__(self, app: "Celeriac") -> None:
        """Watch nothing yet."""
        self._app = app
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Promised]] = {}
        self._thread: threading.Thread | None = None

    def add(self, ids: list[str], promised: Promised) -> None:
        """Keep a promise when all of these tasks are ready."""
        with self._lock:
            for id_ in ids:
                self._waiting.setdefault(id_, []).append(promised)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="celeriac-promises", daemon=True
                )
                self._thread.start()

    def _watch(self) -> None:
        while ids := self._ids():
            try:
                ready = self._app.fetching.ready(ids, LOOK_SECONDS)
            except Exception as away:
                logger.warning("results cannot be watched, next look in 1 s: %s", away)
                self._app.container.clock().wait(1.0)
                continue
            for found in ready:
                self._arrived(found.record.task_id)

    def _ids(self) -> list[str]:
        with self._lock:
            if not self._waiting:
                self._thread = None
            return list(self._waiting)[:1000]

    def _arrived(self, id_: str) -> None:
        with self._lock:
            promises = self._waiting.pop(id_, [])
            left = {id(one) for others in self._waiting.values() for one in others}
        for promised in promises:
            if id(promised) not in left:
                promised.keep()


_PROMISES: "WeakKeyDictionary[Celeriac, Promises]" = WeakKeyDictionary()
_MAKING: Final = threading.Lock()


def _of(app: "Celeriac") -> Promises:
    with _MAKING:
        return _PROMISES.setdefault(app, Promises(app))


def then(result: Any, ids: list[str], callback: Callback, on_error: Callback | None) -> Any:
    """Have something called when a result is ready; returns the result, for more of the kind."""
    promised = Promised(result)
    promised.callbacks.append((callback, on_error))
    if ids:
        _of(result.app).add(ids, promised)
    else:
        promised.keep()
    return result
