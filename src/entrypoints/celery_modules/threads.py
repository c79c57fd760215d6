"""`celery.utils.threads`: values of one thread each."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

THREAD_TIMEOUT_MAX = threading.TIMEOUT_MAX
get_ident = threading.get_ident


class Local(threading.local):
    """Attributes that each thread has for itself."""

    def __release_local__(self) -> None:
        """Forget those of this thread."""
        self.__dict__.clear()


class LocalStack:
    """A stack that each thread has for itself."""

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
