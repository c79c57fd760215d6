"""`celery.utils.nodenames`: `name@host` and what may stand in it."""

import os
import socket
from typing import Any

from ...domain.messaging.queues import Queue
from ..node_names import filled

NODENAME_SEP = "@"
NODENAME_DEFAULT = "celery"
WORKER_DIRECT_QUEUE_FORMAT = "{hostname}.dq2"

gethostname = socket.gethostname


def nodename(name: str, hostname: str) -> str:
    """Return `name@hostname`."""
    return f"{name}{NODENAME_SEP}{hostname}"


def nodesplit(name: str) -> tuple[str | None, str]:
    """Return name and host of a node; what has no `@` is a host, and its name is None."""
    first, separator, host = name.partition(NODENAME_SEP)
    return (first, host) if separator else (None, first)


def anon_nodename(hostname: str | None = None, prefix: str = "gen") -> str:
    """Return the name of a process that is no worker."""
    return nodename(f"{prefix}{os.getpid()}", hostname or gethostname())


def default_nodename(hostname: str | None, default_name: str = NODENAME_DEFAULT) -> str:
    """Return a full node name: what lacks is the default name, and this host."""
    name, host = nodesplit(hostname or "")
    return nodename(name or default_name, host or gethostname())


def host_format(s: str, host: str | None = None, name: str | None = None, **extra: str) -> str:
    """Fill in %h (host), %n (name), %d (domain), and what else is given."""
    host = host or gethostname()
    short, _, domain = host.partition(".")
    marks = {"h": host, "n": name or short, "d": domain, "i": "%i", "I": "%I", **extra}
    return filled(s, {**{f"%{key}": value for key, value in marks.items()}, "%%": "%"})


def node_format(s: str, name: str, **extra: Any) -> str:
    """Fill in the parts of a node's name, %p being the whole."""
    first, host = nodesplit(name)
    return host_format(s, host, first or NODENAME_DEFAULT, p=name, **extra)


def worker_direct(hostname: Any) -> Queue:
    """Return the queue that only this worker works on, where `worker_direct` is set."""
    if isinstance(hostname, Queue):
        return hostname
    return Queue(WORKER_DIRECT_QUEUE_FORMAT.format(hostname=hostname))
