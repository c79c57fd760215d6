"""Commands that change the worker: its pool, its queues, its events, its end."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from ...domain.errors import NotSupported
from ...domain.work.core import WorkerCore
from ...domain.work.effects import Effect
from ...ports.pool import Restartable
from .node import Node
from .panel import control_command

logger = logging.getLogger("celeriac.worker")

_BOUNDS_INSTEAD: Final = "{} is not possible with autoscale: change its bounds instead"


@control_command()
def shutdown(state: Node, msg: str = "Got shutdown from remote", **kwargs: Any) -> None:
    """Stop the worker warmly; it does not answer."""
    logger.warning("%s", msg)
    raise SystemExit(0)


# -- the pool


@control_command(args=[("n", int)], signature="[N=1]")
def pool_grow(state: Node, n: int = 1, **kwargs: Any) -> dict[str, str]:
    """Add slots to the pool."""
    if state.worker.autoscaling is not None:
        return {"error": _BOUNDS_INSTEAD.format("pool_grow")}
    state.act(_resizing(state, n))
    return {"ok": "pool will grow"}


@control_command(args=[("n", int)], signature="[N=1]")
def pool_shrink(state: Node, n: int = 1, **kwargs: Any) -> dict[str, str]:
    """Take slots from the pool, down to one."""
    if state.worker.autoscaling is not None:
        return {"error": _BOUNDS_INSTEAD.format("pool_shrink")}
    state.act(_resizing(state, -n))
    return {"ok": "pool will shrink"}


@control_command()
def pool_restart(
    state: Node, modules: Any = None, reload: bool = False, reloader: Any = None, **kwargs: Any
) -> dict[str, str]:
    """Replace the pool's processes by such as import everything anew."""
    if not state.app.conf.worker_pool_restarts:
        raise ValueError("Pool restarts not enabled")
    pool = state.worker.pool
    if not isinstance(pool, Restartable):
        raise NotSupported(
            f"pool_restart: {type(pool).__name__} has no processes of its own that could be "
            "replaced; restart the worker (SIGHUP does it in place), or have worker_pool='prefork'"
        )
    state.surroundings.reload(modules, force=reload, reloader=reloader)
    pool.restart()
    return {"ok": "reload started"}


@control_command(args=[("max", int), ("min", int)], signature="[max [min]]")
def autoscale(
    state: Node,
    max: int | None = None,  # noqa: A002 - Celery's word
    min: int | None = None,  # noqa: A002 - Celery's word
) -> dict[str, str]:
    """Change the bounds of autoscaling; refused where there is none."""
    autoscaling = state.worker.autoscaling
    if autoscaling is None:
        raise ValueError("Autoscale not enabled")
    most, least = autoscaling.set_bounds(max, min)
    return {"ok": f"autoscale now max={most} min={least}"}


# -- queues


@control_command(
    args=[("queue", str), ("exchange", str), ("exchange_type", str), ("routing_key", str)],
    signature="<queue> [exchange [type [routing_key]]]",
)
def add_consumer(
    state: Node,
    queue: str,
    exchange: str | None = None,
    exchange_type: str | None = None,
    routing_key: str | None = None,
    **options: Any,
) -> dict[str, str]:
    """Work on a further queue."""
    name = state.surroundings.declare(queue, exchange, exchange_type, routing_key)
    state.act(lambda core: state.worker.serve(name))
    return {"ok": f"add consumer {queue}"}


@control_command(args=[("queue", str)], signature="<queue>")
def cancel_consumer(state: Node, queue: str, **kwargs: Any) -> dict[str, str]:
    """Work on a queue no more; what it holds already it still does."""
    state.act(lambda core: state.worker.leave_queue(queue))
    return {"ok": f"no longer consuming from {queue}"}


# -- events


@control_command()
def enable_events(state: Node) -> dict[str, str]:
    """Tell of tasks by events."""
    if state.reporter is None:
        return {"error": "event dispatcher unavailable"}
    done = state.reporter.enable()
    return {"ok": "task events enabled" if done else "task events already enabled"}


@control_command()
def disable_events(state: Node) -> dict[str, str]:
    """Tell of tasks no more."""
    if state.reporter is None:
        return {"error": "event dispatcher unavailable"}
    done = state.reporter.disable()
    return {"ok": "task events disabled" if done else "task events already disabled"}


@control_command()
def heartbeat(state: Node) -> None:
    """Send a heartbeat at once."""
    if state.reporter is not None:
        state.reporter.heartbeat()


@control_command()
def election(
    state: Node,
    id: str,  # noqa: A002 - Celery's word
    topic: str,
    action: Any = None,
    **kwargs: Any,
) -> None:
    """Have one of all workers do something: `task`, send the signature in `action`."""
    if state.gossip is None:
        logger.debug("election %s about %s: this worker does not take part", id, topic)
    else:
        state.gossip.election(id, topic, action)


def _resizing(state: Node, by: int) -> Callable[[WorkerCore], Iterable[Effect]]:
    def resize(core: WorkerCore) -> Iterable[Effect]:
        state.worker.pool.resize(by)
        return ()

    return resize
