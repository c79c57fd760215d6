"""`celery.contrib.testing.app`: apps for tests."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..library import current
from ..library.app import Celeriac
from ..library.log import Logging

__all__ = [
    "DEFAULT_TEST_CONFIG",
    "TestApp",
    "Trap",
    "UnitLogging",
    "set_trap",
    "setup_default_app",
]

#: In memory, and without what only disturbs a test.
DEFAULT_TEST_CONFIG: dict[str, Any] = {
    "worker_hijack_root_logger": False,
    "worker_log_color": False,
    "accept_content": {"json"},
    "enable_utc": True,
    "timezone": "UTC",
    "broker_url": "memory://",
    "result_backend": "cache+memory://",
    "broker_heartbeat": 0,
}


class UnitLogging(Logging):
    """Leaves the log to the test's runner."""

    already_setup = True


class Trap:
    """In place of the current app: raises for whoever looks at it."""

    def __getattr__(self, name: str) -> Any:
        """Raise RuntimeError, but for the machinery of Python's own."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError(f"this test depends on current_app (it was asked for {name!r})")


def TestApp(
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    enable_logging: bool = False,
    set_as_current: bool = False,
    log: type[Logging] = UnitLogging,
    backend: Any = None,
    broker: Any = None,
    **kwargs: Any,
) -> Celeriac:
    """Return an app in memory, with settings of your own over those of tests."""
    settings = {**DEFAULT_TEST_CONFIG, **(config or {})}
    app = Celeriac(
        name or "celery.tests",
        changes=settings,
        broker=broker,
        backend=backend,
        set_as_current=set_as_current,
        **kwargs,
    )
    if not enable_logging:
        app.set_log(log(app))
    return app


# pytest takes it for a test otherwise.
vars(TestApp)["__test__"] = False


@contextmanager
def set_trap(app: Any) -> Iterator[None]:
    """Let whoever looks at the current app get a RuntimeError meanwhile."""
    with current.instead(Trap()):
        yield


@contextmanager
def setup_default_app(app: Celeriac, use_trap: bool = False) -> Iterator[None]:
    """Let an app be the current one meanwhile, or, with `use_trap`, let there be none."""
    with current.instead(Trap() if use_trap else app):
        yield
