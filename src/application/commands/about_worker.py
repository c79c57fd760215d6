"""Commands that look at the worker itself."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ...domain.messaging.queues import Queue
from ...domain.work.capacity import prefetch
from . import memory
from .node import Node
from .panel import boolean, inspect_command


@inspect_command(default_timeout=0.2)
def ping(state: Node, **kwargs: Any) -> dict[str, str]:
    """Whether the worker is there."""
    return {"ok": "pong"}


@inspect_command()
def clock(state: Node, **kwargs: Any) -> dict[str, int]:
    """The worker's logical clock."""
    return {"clock": state.logical.value}


@inspect_command()
def report(state: Node) -> dict[str, str]:
    """Versions and settings, as bug reports need them."""
    return {"ok": state.surroundings.report()}


@inspect_command(
    alias="dump_conf",
    signature="[include_defaults=False]",
    args=[("with_defaults", boolean)],
)
def conf(state: Node, with_defaults: bool = False, **kwargs: Any) -> Mapping[str, Any]:
    """The settings, secrets hidden."""
    return state.surroundings.conf(with_defaults)


@inspect_command()
def stats(state: Node, **kwargs: Any) -> dict[str, Any]:
    """What the worker has done, and what it is made of."""
    process = state.surroundings.process()
    autoscaling = state.worker.autoscaling
    return {
        **({} if autoscaling is None else {"autoscaler": autoscaling.info()}),
        "total": dict(state.chronicle.totals),
        "pid": process["pid"],
        "clock": str(state.logical.value),
        "uptime": process["uptime"],
        "pool": _pool(state),
        "broker": state.surroundings.broker(),
        "prefetch_count": state.look(
            lambda core: prefetch(
                core.slots,
                core.policy.prefetch_multiplier,
                disabled=core.policy.disable_prefetch,
            )
        ),
        "rusage": process["rusage"],
    }


@inspect_command()
def active_queues(state: Node) -> list[dict[str, Any]]:
    """The queues it works on."""
    names = state.look(lambda core: list(state.worker.queues))
    return [_described(state.surroundings.queue(name)) for name in names]


@inspect_command(visible=False)
def hello(
    state: Node,
    from_node: str,
    revoked: Sequence[str] | Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, Any] | None:
    """Exchange revoked ids with a worker that has just come."""
    if from_node == state.hostname:
        return None
    tick = state.clock.monotonic()

    def merge(core: Any) -> list[str]:
        # Up to Celery 5.6 this was a mapping, whose keys are the ids.
        core.revoked.add(revoked or (), tick)
        return list(core.revoked)

    return {"revoked": state.look(merge), "clock": state.logical.forward()}


@inspect_command()
def memsample(state: Node, **kwargs: Any) -> str:
    """Take a sample of the memory in use."""
    return memory.sample()


@inspect_command(args=[("samples", int)], signature="[n_samples=10]")
def memdump(state: Node, samples: int = 10, **kwargs: Any) -> str:
    """The samples taken so far."""
    return memory.dump(samples)


@inspect_command(
    default_timeout=60.0,
    args=[("type", str), ("num", int), ("max_depth", int)],
    signature="[object_type=Request] [num=200 [max_depth=10]]",
)
def objgraph(
    state: Node,
    num: int = 200,
    max_depth: int = 10,
    type: str = "Request",  # noqa: A002 - Celery's word
) -> dict[str, str]:
    """Draw what refers to objects of a type."""
    return {"filename": memory.draw(type, num, max_depth)}


def _pool(state: Node) -> dict[str, Any]:
    pool = state.worker.pool
    kind = type(pool)
    return {
        "implementation": f"{kind.__module__}:{kind.__name__}",
        "max-concurrency": pool.slots,
        "processes": list(pool.pids),
        "max-tasks-per-child": state.app.conf.worker_max_tasks_per_child or "N/A",
        "put-guarded-by-semaphore": False,
        "timeouts": list(state.surroundings.limits()),
    }


def _described(queue: Queue) -> dict[str, Any]:
    exchange = asdict(queue.exchange)
    return {
        "name": queue.name,
        "exchange": {
            "name": exchange["name"],
            "type": exchange["kind"],
            "arguments": None,
            "durable": exchange["durable"],
            "passive": False,
            "auto_delete": False,
            "delivery_mode": None,
            "no_declare": False,
        },
        "routing_key": queue.routing_key or queue.name,
        "queue_arguments": dict(queue.arguments) or None,
        "binding_arguments": None,
        "consumer_arguments": None,
        "durable": queue.durable,
        "exclusive": False,
        "auto_delete": False,
        "no_ack": False,
        "alias": None,
        "bindings": [],
        "no_declare": None,
        "expires": None,
        "message_ttl": None,
        "max_length": None,
        "max_length_bytes": None,
        "max_priority": queue.max_priority,
    }
