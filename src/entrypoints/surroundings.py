"""What remote control shows of a worker's app, settings and process."""

import importlib
import logging
import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..application.commands import Surroundings
from ..application.requests import Request
from ..domain.errors import BrokerUnavailable, DecodeError, LeaseLost, SerializerNotInstalled
from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.messaging.message import TaskMessage
from ..domain.messaging.queues import Exchange, Queue
from ..domain.settings.presentation import masked
from .adapter_table import load
from .choices import broker_url

if TYPE_CHECKING:
    from .worker import AppWorker

logger = logging.getLogger("celeriac.worker")

_USAGE = (
    *("utime", "stime", "maxrss", "ixrss", "idrss", "isrss", "minflt", "majflt", "nswap"),
    *("inblock", "oublock", "msgsnd", "msgrcv", "nsignals", "nvcsw", "nivcsw"),
)


class AppSurroundings(Surroundings):
    """What a worker of an app lives in."""

    def __init__(self, worker: "AppWorker", limits: tuple[float | None, float | None]) -> None:
        """Look at a worker; `limits` are its own time limits, soft and hard."""
        self.app = worker.app
        self._node, self._limits = worker.node, limits
        self._began = time.monotonic()
        self._added: dict[str, Queue] = {}

    def tasks(self) -> Mapping[str, Any]:
        """Return the tasks by name."""
        return dict(self.app.tasks)

    def conf(self, with_defaults: bool) -> Mapping[str, Any]:
        """Return the settings, secrets hidden."""
        return self.app.conf.table(with_defaults)

    def report(self) -> str:
        """Return versions and settings as text."""
        from .cli.report import report

        return "\n".join(report(self.app))

    def broker(self) -> Mapping[str, Any]:
        """Return where the broker is, under Celery's names; no password is in it."""
        conf = self.app.conf
        ready = self.app.given.get("broker")
        parts = urlsplit(str(getattr(ready, "url", "")) if ready else broker_url(conf))
        options = masked("broker_transport_options", dict(conf.broker_transport_options or {}))
        try:
            port = parts.port
        except ValueError:
            port = None
        return {
            "hostname": parts.hostname,
            "userid": parts.username,
            "virtual_host": parts.path.removeprefix("/") or "/",
            "port": port,
            "insist": False,
            "ssl": bool(conf.broker_use_ssl),
            "transport": parts.scheme,
            "connect_timeout": conf.broker_connection_timeout,
            "transport_options": options,
            "login_method": conf.broker_login_method,
            "uri_prefix": None,
            "heartbeat": conf.broker_heartbeat,
            "failover_strategy": conf.broker_failover_strategy or "round-robin",
            "alternates": [],
            "credential_provider": None,
        }

    def process(self) -> Mapping[str, Any]:
        """Return `pid`, `uptime` in seconds, and `rusage` of the process."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "pid": os.getpid(),
            "uptime": int(time.monotonic() - self._began),
            "rusage": {name: getattr(usage, f"ru_{name}") for name in _USAGE},
        }

    def limits(self) -> tuple[float | None, float | None]:
        """Return the worker's own time limits: soft, hard."""
        return self._limits

    def queue(self, name: str) -> Queue:
        """Return a queue as the settings, or whoever had it added, describe it."""
        added = self._added.get(name)
        found: Queue = self.app.container.router().queue(name) if added is None else added
        return found

    def declare(
        self, name: str, exchange: str | None, kind: str | None, routing_key: str | None
    ) -> str:
        """Make a queue known to the broker; return its name."""
        router = self.app.container.router()
        if name in router.queues:
            queue = router.queue(name)
        else:
            match kind or "direct":
                case ("direct" | "topic" | "fanout") as known:
                    queue = Queue(name, Exchange(exchange or name, known), routing_key or name)
                case _:
                    raise ValueError(f"exchange_type={kind!r}: expected direct, topic or fanout")
        self.app.broker.declare([queue])
        self._added[name] = queue
        return name

    def reload(self, modules: Sequence[str] | None, *, force: bool, reloader: Any) -> None:
        """Import modules here, with `force` those anew that are there; None: what holds tasks."""
        conf = self.app.conf
        again = load(reloader) if isinstance(reloader, str) else reloader or importlib.reload
        for name in dict.fromkeys((*conf.imports, *conf.include) if modules is None else modules):
            if name not in sys.modules:
                importlib.import_module(name)
            elif force:
                again(sys.modules[name])
        self.app.finalize()

    def seize(self, ids: Sequence[str]) -> Sequence[Delivery | Undecodable]:
        """Take what waits of these tasks into the worker's hands; nothing where that cannot be."""
        broker = self.app.container.broker()
        if not broker.capabilities.seize:
            return ()
        try:
            found: Sequence[Delivery | Undecodable] = broker.seize(ids)
        except (BrokerUnavailable, LeaseLost) as away:
            logger.warning("revoked tasks stay in their queues until they are claimed: %s", away)
            return ()
        return found

    def info(self, message: TaskMessage, *, safe: bool) -> dict[str, Any]:
        """Return what a call is, as data; arguments that cannot be read come as their repr."""
        codec = self.app.container.codec()
        request = Request(message, codec, self._node, self.app.tasks.get)
        try:
            return request.info(safe=safe)
        except (DecodeError, SerializerNotInstalled, ValueError, TypeError, LookupError):
            return request.info(safe=True)
