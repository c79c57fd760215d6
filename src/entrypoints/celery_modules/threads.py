"""`celery.utils.threads`: values of one thread each, and threads that go round."""

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import GenericAlias
from typing import Any

logger = logging.getLogger("celery.utils.threads")

THREAD_TIMEOUT_MAX = threading.TIMEOUT_MAX
get_ident = threading.get_ident


class Local(threading.local):
    """Attributes that each thread has for itself."""

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Iterate over names and values of this thread."""
        return iter(list(self.__dict__.items()))

    def __release_local__(self) -> None:
        """Forget those of this thread."""
        self.__dict__.clear()


class LocalStack:
    """A stack that each thread has for itself."""

    __class_getitem__: Any = classmethod(GenericAlias)

    def __init__(self) -> None:
        """Begin empty."""
        self._local = Local()

    @property
    def stack(self) -> list[Any]:
        """What is on it, the top last."""
        try:
            items: list[Any] = self._local.items
        except AttributeError:
            items = self._local.items = []
        return items

    def push(self, obj: Any) -> list[Any]:
        """Put something on top; return all."""
        self.stack.append(obj)
        return self.stack

    def pop(self) -> Any:
        """Take the top off; None if it is empty."""
        return self.stack.pop() if self.stack else None

    @property
    def top(self) -> Any:
        """What is on top; None if it is empty."""
        return self.stack[-1] if self.stack else None

    def __len__(self) -> int:
        """Return how many are on it."""
        return len(self.stack)

    def __release_local__(self) -> None:
        """Empty that of this thread."""
        self._local.__release_local__()


class bgThread(threading.Thread):
    """A thread that calls `body` again and again until it is stopped; heirs write `body`."""

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        """Be named after the class, unless there is a name."""
        super().__init__()
        self.__is_shutdown = threading.Event()
        self.__is_stopped = threading.Event()
        self.daemon = True
        self.name = name or type(self).__name__

    def body(self) -> None:
        """What to do, again and again."""
        raise NotImplementedError(f"{type(self).__name__} does not define body")

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        """Called with what `body` raised, while that is handled; it is called again afterwards."""
        logger.exception(msg, *fmt)

    def run(self) -> None:
        """Call `body` until stopped."""
        try:
            while not self.__is_shutdown.is_set():
                try:
                    self.body()
                except Exception as why:
                    self.on_crash("%r raised: %r", self.name, why)
        finally:
            self.__is_stopped.set()

    def stop(self) -> None:
        """Ask for the end, and wait for it."""
        self.__is_shutdown.set()
        self.__is_stopped.wait()
        if self.is_alive() and self is not threading.current_thread():
            self.join(THREAD_TIMEOUT_MAX)


@contextmanager
def default_socket_timeout(timeout: float) -> Iterator[None]:
    """Let sockets made meanwhile wait for so many seconds at most."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def bound_open_broker_sockets(connection: Any, timeout: float | None) -> None:
    """Let the sockets that a connection of kombu's has open wait for so many seconds at most.

    For ends: what is read from a broker that fell silent would not return otherwise. It opens
    nothing, and never raises.
    """
    for sock in _open_sockets(connection):
        with suppress(Exception):
            sock.settimeout(timeout)


def _open_sockets(connection: Any) -> list[Any]:
    # What is kept only: properties would open what is not open.
    link = getattr(connection, "_connection", None)
    found = [getattr(getattr(link, "_transport", None), "sock", None)]
    for channel in getattr(getattr(connection, "_transport", None), "channels", None) or ():
        for name in ("client", "subclient"):
            speaks = getattr(vars(channel).get(name), "connection", None)
            found.append(getattr(speaks, "_sock", None))
    return [sock for sock in found if sock is not None]


def release_local(local: Any) -> None:
    """Forget what a local has of this thread."""
    local.__release_local__()


class LocalManager:
    """Releases several locals at once."""

    def __init__(
        self,
        locals: Iterable[Any] | None = None,  # noqa: A002 - Celery's name
        ident_func: Callable[[], Any] | None = None,
    ) -> None:
        """Look after these."""
        self.locals = list(locals or ())
        self.ident_func = ident_func or get_ident

    def get_ident(self) -> Any:
        """Return what tells this thread from others."""
        return self.ident_func()

    def cleanup(self) -> None:
        """Release them in this thread."""
        for local in self.locals:
            release_local(local)
