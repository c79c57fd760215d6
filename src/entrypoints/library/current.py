"""Which app is the current one, and the objects that stand for whatever is current."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from ...application.context import running

if TYPE_CHECKING:
    from .app import Celeriac
    from .task import Task

T = TypeVar("T")

_tls = threading.local()
_default: "Celeriac | None" = None
_apps: "list[Celeriac]" = []
_shared: "list[Callable[[Celeriac], Any]]" = []


def remember(app: "Celeriac", *, current: bool) -> None:
    """Take note of a new app: shared tasks are made in it, and it may become the current one."""
    _apps.append(app)
    if current:
        set_current(app)
    for make in _shared:
        make(app)


def forget(app: "Celeriac") -> None:
    """Drop an app that was closed."""
    global _default
    _apps[:] = [one for one in _apps if one is not app]
    if _default is app:
        _default = _apps[-1] if _apps else None
    if getattr(_tls, "app", None) is app:
        _tls.app = None


def set_current(app: "Celeriac") -> None:
    """Make an app current in this thread, and the default of all others."""
    global _default
    _tls.app = app
    _default = app


@contextmanager
def instead(app: Any) -> Iterator[None]:
    """Let an app, or something in place of one, be the current one meanwhile, in all threads."""
    global _default
    before, here = _default, getattr(_tls, "app", None)
    _tls.app = _default = app
    try:
        yield
    finally:
        _default, _tls.app = before, here


def any_current() -> bool:
    """Tell whether there is a current app."""
    return (getattr(_tls, "app", None) or _default) is not None


def get_current() -> "Celeriac":
    """Return the current app, making one if there is none."""
    app = getattr(_tls, "app", None) or _default
    if app is None:
        from .app import Celeriac

        app = Celeriac("default")
    return app


def share(make: "Callable[[Celeriac], Any]") -> None:
    """Have something made in every app, those to come included."""
    _shared.append(make)
    for app in _apps:
        make(app)


def get_current_task() -> "Task[Any, Any] | None":
    """Return the task that runs in this context, if one does."""
    frame = running()
    return frame[0] if frame else None


class Proxy(Generic[T]):
    """Stands for an object that is looked up anew at every use."""

    __slots__ = ("__find",)

    def __init__(self, find: Callable[[], T]) -> None:
        """Look it up with `find`."""
        object.__setattr__(self, "_Proxy__find", find)

    def _get_current_object(self) -> T:
        return cast(T, object.__getattribute__(self, "_Proxy__find")())

    def __getattr__(self, name: str) -> Any:
        """Ask the object."""
        return getattr(self._get_current_object(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set it on the object."""
        setattr(self._get_current_object(), name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the object."""
        return cast(Any, self._get_current_object())(*args, **kwargs)

    def __bool__(self) -> bool:
        """Ask the object whether it is true."""
        return bool(self._get_current_object())

    def __eq__(self, other: object) -> bool:
        """Compare the object."""
        return self._get_current_object() == other

    def __hash__(self) -> int:
        """Hash the object."""
        return hash(self._get_current_object())

    def __repr__(self) -> str:
        """Show the object."""
        return repr(self._get_current_object())


current_app: "Celeriac" = cast("Celeriac", Proxy(get_current))
current_task: "Task[Any, Any]" = cast("Task[Any, Any]", Proxy(get_current_task))
