"""The blueprints of worker and consumer: Celery's names for the stages, and users' steps."""

from typing import Any, ClassVar, Final

from .library.bootsteps import Blueprint

_COMPONENTS: Final = "celery.worker.components"
_CONSUMER: Final = "celery.worker.consumer"


class WorkerBlueprint(Blueprint):
    """Steps of the worker."""

    name = "Worker"
    default_steps: ClassVar[Any] = {
        f"{_COMPONENTS}:{stage}"
        for stage in ("Hub", "Pool", "Beat", "Timer", "StateDB", "Consumer")
    } | {"celery.worker.autoscale:WorkerComponent"}


class ConsumerBlueprint(Blueprint):
    """Steps of the consumer."""

    name = "Consumer"
    default_steps: ClassVar[Any] = {
        f"{_CONSUMER}.connection:Connection",
        f"{_CONSUMER}.mingle:Mingle",
        f"{_CONSUMER}.events:Events",
        f"{_CONSUMER}.gossip:Gossip",
        f"{_CONSUMER}.heart:Heart",
        f"{_CONSUMER}.control:Control",
        f"{_CONSUMER}.tasks:Tasks",
        f"{_CONSUMER}.delayed_delivery:DelayedDelivery",
        f"{_CONSUMER}.agent:Agent",
        f"{_CONSUMER}.consumer:Evloop",
    }
