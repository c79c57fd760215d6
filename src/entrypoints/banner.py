"""What a worker says when it starts: who it is, what it works on, and where that lives."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ..domain.settings import Settings
from ..domain.settings.presentation import mask_url
from .broker_address import broker_address
from .choices import backend_url, broker_url

if TYPE_CHECKING:
    from .library.app import Celeriac
    from .worker import AppWorker

_SQLITE: Final = "sqlite:///"


def worker_line(worker: "AppWorker", version: str) -> str:
    """Return the banner as one line, for a log that machines read."""
    facts = "; ".join(f"{name}: {value}" for name, value in _facts(worker))
    return f"{worker.node} starts with celeriac {version}; {facts}"


def worker_banner(worker: "AppWorker", version: str, *, with_tasks: bool) -> str:
    """Return the banner of a worker that is about to start."""
    lines = [f"{worker.node}  celeriac {version}", ""]
    lines += [f"  {name:<9} {value}" for name, value in _facts(worker)]
    if with_tasks:
        names = [name for name in sorted(worker.app.tasks) if not _is_built_in(name)]
        lines += ["", "  tasks", *(f"    {name}" for name in names)]
    return "\n".join([*lines, ""])


def _facts(worker: "AppWorker") -> Sequence[tuple[str, str]]:
    app = worker.app
    return (
        ("app", app.main or "default"),
        ("broker", broker_text(app)),
        ("results", results_text(app)),
        ("pool", f"{_pool_name(worker)}, {_slots(worker)}"),
        ("queues", ", ".join(_with_slots(worker))),
    )


def _with_slots(worker: "AppWorker") -> list[str]:
    slots = worker.queue_slots
    return [f"{name}={slots[name]}" if name in slots else name for name in worker.queues]


def broker_text(app: "Celeriac") -> str:
    """Return where messages go; no password is in it."""
    ready = app.given.get("broker")  # not the container: it is imported after the pool has forked
    if ready is not None:
        return mask_url(str(ready.url))
    return _place(broker_url(app.conf), embedded=broker_address(app.conf) is None)


def results_text(app: "Celeriac") -> str:
    """Return where results are kept; no password is in it."""
    ready = app.given.get("results")
    if ready is not None:
        return mask_url(str(ready.url))
    url = backend_url(app.conf)
    if url is None:
        return "none are kept (result_backend is not set)"
    return _place(url, embedded=_is_embedded(app.conf))


def _is_embedded(conf: Settings) -> bool:
    return conf.result_backend is None and broker_address(conf) is None


def _place(url: str, *, embedded: bool) -> str:
    shown = mask_url(url)
    _, found, path = url.rpartition(_SQLITE)
    if found and path and not path.startswith(":"):
        file = os.path.abspath(path.partition("?")[0])
        shown = f"{_SQLITE}{file}"
    return f"{shown} (embedded default)" if embedded else shown


def _pool_name(worker: "AppWorker") -> str:
    asked = worker.options.pool or worker.app.conf.worker_pool
    return asked if isinstance(asked, str) else type(asked).__name__


def _slots(worker: "AppWorker") -> str:
    slots = worker.pool.slots
    unit = "process" if worker.pool.capabilities.isolated else "slot"
    return f"{slots} {unit}{'' if slots == 1 else 'es' if unit == 'process' else 's'}"


def _is_built_in(name: str) -> bool:
    return name.startswith(("celery.", "celeriac."))
