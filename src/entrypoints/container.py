"""The composition root: the only place where adapters meet the application.

Each part is made by a function of `choices.py`; ready adapters are taken in place of URLs. One
container belongs to one app in one process; after a fork the app makes a new one.
"""

from collections.abc import Callable
from typing import Any

from dependency_injector import containers, providers

from ..application.encoding import SerializerCodec
from ..application.fetch_results import Fetching
from ..application.send import Sending
from ..domain.cluster.logical_clock import LogicalClock
from ..domain.messaging.compose import Sender
from ..domain.messaging.routing import Router
from ..domain.settings import Settings
from ..ports.broker import Broker
from ..ports.bus import Bus
from ..ports.clock import Clock
from ..ports.coordinator import Coordinator
from ..ports.entropy import Entropy
from ..ports.results import ResultBackend
from ..ports.schedule_store import ScheduleStore
from ..ports.settler import Settler
from .choices import (
    Beside,
    Stores,
    host_clock,
    host_entropy,
    make_broker,
    make_bus,
    make_results,
    make_sender,
    make_sending,
    make_settler,
)
from .codecs import make_codec, make_result_codec
from .routes import router_of


def ready_made(part: object) -> providers.Provider[Any]:
    """Return the provider of a part that was handed in."""
    return providers.Object(part)


def made_by(make: Callable[[], object]) -> providers.Provider[Any]:
    """Return the provider of a part that is made by somebody else, once, when it is needed."""
    return providers.ThreadSafeSingleton(make)


class Container(containers.DeclarativeContainer):
    """The parts of one app. What starts with `given_` may be handed in ready-made."""

    settings = providers.Dependency(instance_of=Settings)
    given_broker: providers.Provider[Any] = providers.Object(None)
    given_results: providers.Provider[Any] = providers.Object(None)

    clock: providers.Provider[Clock] = providers.ThreadSafeSingleton(host_clock)
    entropy: providers.Provider[Entropy] = providers.ThreadSafeSingleton(host_entropy)
    stores: providers.Provider[Stores] = providers.ThreadSafeSingleton(Stores, settings, clock)

    broker: providers.Provider[Broker] = providers.ThreadSafeSingleton(
        make_broker, settings, stores, given_broker
    )
    #: What this process is called by those who answer it: `reply_to` of its messages.
    identity: providers.Provider[str] = providers.ThreadSafeSingleton(
        entropy.provided.new_id.call()
    )
    results: providers.Provider[ResultBackend] = providers.ThreadSafeSingleton(
        make_results, settings, stores, given_results, given_broker, identity.provider
    )
    settler: providers.Provider[Settler] = providers.ThreadSafeSingleton(
        make_settler, settings, broker, results
    )
    beside: providers.Provider[Beside] = providers.ThreadSafeSingleton(
        Beside, settings, stores, broker
    )
    bus: providers.Provider[Bus] = providers.ThreadSafeSingleton(make_bus, settings, beside)
    logical: providers.Provider[LogicalClock] = providers.ThreadSafeSingleton(LogicalClock)
    coordinator: providers.Provider[Coordinator] = providers.ThreadSafeSingleton(
        beside.provided.make.call("coordinator")
    )
    schedule_store: providers.Provider[ScheduleStore] = providers.ThreadSafeSingleton(
        beside.provided.make.call("schedule_store")
    )

    codec: providers.Provider[SerializerCodec] = providers.ThreadSafeSingleton(make_codec, settings)
    result_codec: providers.Provider[SerializerCodec] = providers.ThreadSafeSingleton(
        make_result_codec, settings
    )
    router: providers.Provider[Router] = providers.ThreadSafeSingleton(router_of, settings)
    sender: providers.Provider[Sender] = providers.ThreadSafeSingleton(
        make_sender, settings, router, codec, identity
    )
    sending: providers.Provider[Sending] = providers.ThreadSafeSingleton(
        make_sending, settings, broker.provider, sender, clock, entropy, results.provider
    )
    fetching: providers.Provider[Fetching] = providers.ThreadSafeSingleton(
        Fetching, results, result_codec, clock
    )
