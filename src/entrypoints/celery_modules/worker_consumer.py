"""`celery.worker.consumer` and what is below it: names for the stages in which a worker joins.

They do nothing themselves: by the time a step of the consumer is started its worker has joined.
"""

from ..consumer_view import ConsumerView as Consumer
from ..library.bootsteps import StartStopStep

__all__ = [
    "Agent",
    "Connection",
    "Consumer",
    "Control",
    "DelayedDelivery",
    "Events",
    "Evloop",
    "Gossip",
    "Heart",
    "Mingle",
    "Tasks",
]


class Connection(StartStopStep):
    """The broker has answered."""

    name = "celery.worker.consumer.connection.Connection"


class Events(StartStopStep):
    """Events can be sent."""

    name = "celery.worker.consumer.events.Events"
    requires = (Connection,)


class Mingle(StartStopStep):
    """Others are greeted."""

    name = "celery.worker.consumer.mingle.Mingle"
    label = "Mingle"
    requires = (Events,)


class Gossip(StartStopStep):
    """Other workers are listened to."""

    name = "celery.worker.consumer.gossip.Gossip"
    label = "Gossip"
    requires = (Mingle,)


class Heart(StartStopStep):
    """Heartbeats are sent."""

    name = "celery.worker.consumer.heart.Heart"
    requires = (Events,)


class Tasks(StartStopStep):
    """Queues are declared."""

    name = "celery.worker.consumer.tasks.Tasks"
    requires = (Mingle,)


class DelayedDelivery(StartStopStep):
    """What is not due waits in the broker."""

    name = "celery.worker.consumer.delayed_delivery.DelayedDelivery"
    requires = (Tasks,)


class Control(StartStopStep):
    """Remote control is heard."""

    name = "celery.worker.consumer.control.Control"
    requires = (Tasks,)


class Agent(StartStopStep):
    """There is none."""

    name = "celery.worker.consumer.agent.Agent"
    conditional = True
    requires = (Connection,)


class Evloop(StartStopStep):
    """The worker begins to claim."""

    name = "celery.worker.consumer.consumer.Evloop"
    label = "event loop"
    last = True


# What is below it is imported by this name.
__name__ = "celery.worker.consumer"
