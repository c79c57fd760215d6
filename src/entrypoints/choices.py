"""Which adapters an app's settings ask for: each choice is a function of settings and other parts.

What was chosen is imported, and nothing else. The container wires these functions; what must be
had before it, in a worker that has not forked yet, calls them directly.
"""

import os
import socket
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..application.encoding import SerializerCodec
from ..application.send import Sending
from ..application.settle import Join, ResultlessSettler, SeparateSettler
from ..domain.errors import ImproperlyConfigured, NotSupported, UnknownScheme
from ..domain.messaging.compose import Sender, delivery_mode
from ..domain.messaging.routing import Router
from ..domain.settings import Settings
from ..ports.broker import Broker
from ..ports.bus import Bus
from ..ports.clock import Clock
from ..ports.entropy import Entropy
from ..ports.ledger import StartedLedger
from ..ports.pool import Pool
from ..ports.results import ResultBackend
from ..ports.settler import Settler
from .adapter_table import (
    BACKENDS,
    BROKERS,
    DISABLED_RESULTS,
    HOST_CLOCK,
    POOLS,
    RPC,
    RPC_RESULTS,
    Technology,
    load,
    names,
    technology,
    third_party,
)
from .broker_address import broker_address, joined
from .celery_names import imported
from .codecs import SerializersOf, make_bodies, make_result_codec

#: Broker and result backend of an app that is told of neither: one file where it is started.
EMBEDDED: Final = "sqlite:///celeriac.sqlite3"
#: Tasks at once on an event loop, where nobody says how many.
LOOP_SLOTS: Final = 100


class Stores:
    """Opens each store once, so that adapters over the same URL share it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Open with these settings, on this clock."""
        self._settings, self._clock = settings, clock
        self._open: dict[tuple[str, str], Any] = {}

    def open(self, kind: Technology, url: str) -> Any:
        """Return the store of a URL."""
        bare = url.removeprefix("db+").removeprefix("cache+")
        bare = bare if kind.many else bare.split(";")[0]
        key = (kind.store, bare)
        if key not in self._open:
            make = load(kind.store)
            self._open[key] = make(bare, clock=self._clock, settings=_told(self._settings))
        return self._open[key]

    def close(self) -> None:
        """Close what was opened here, for all adapters over it; ready ones are their maker's."""
        for store in self._open.values():
            if callable(close := getattr(store, "close", None)):
                close()
        self._open.clear()


def _told(settings: Settings) -> Mapping[str, Any]:
    """Return settings whose `broker_url` is the whole of what they say of the broker's place."""
    address = broker_address(settings)
    if address in (None, joined(settings.broker_url)):
        return settings
    return ChainMap({"broker_url": address}, settings)


def scheme_of(url: str) -> str:
    """Return the scheme of a URL, or the whole of a bare alias."""
    return url.partition("://")[0]


def broker_url(settings: Settings) -> str:
    """Return the broker's URL, or several with `;`; the embedded default when none is set."""
    return broker_address(settings) or EMBEDDED


def backend_url(settings: Settings) -> str | None:
    """Return the result backend's URL; the embedded default when no broker is set either."""
    asked = joined(settings.result_backend)
    if asked is None and broker_address(settings) is None:
        return EMBEDDED
    if asked in (None, "disabled", "disabled://"):
        return None
    kind = BACKENDS.get(scheme_of(asked))
    return load(kind.complete)(asked, settings) if kind and kind.complete else asked


def make_broker(settings: Settings, stores: Stores, given: Any) -> Broker:
    """Return the broker given, or the one the URL asks for."""
    if given is not None:
        return given  # type: ignore[no-any-return]
    url = broker_url(settings)
    kind = _technology(url, BROKERS, "celeriac.brokers")
    if not kind.broker:
        raise UnknownScheme(url, names(BROKERS, "celeriac.brokers"))
    told = {"ledger": _ledger_of(settings, stores)} if kind.wants_ledger else {}
    return load(kind.broker)(stores.open(kind, url), **told)  # type: ignore[no-any-return]


def another_owner(broker: Broker) -> Broker | None:
    """Return a further broker over the same store, to claim with beside the first.

    None where there is no making one: the broker is of somebody else's kind.
    """
    store = getattr(broker, "memory", None) or getattr(broker, "store", None)
    return None if store is None else type(broker)(store)  # type: ignore[call-arg]


def _ledger_of(settings: Settings, stores: Stores) -> Callable[[], StartedLedger] | None:
    """Return what makes the ledger of started tasks in the result backend, if that keeps one."""
    url = backend_url(settings)
    kind = None if url is None else technology(scheme_of(url), BACKENDS, "celeriac.backends")
    if url is None or kind is None or not kind.ledger:
        return None
    return lambda: load(kind.ledger)(stores.open(kind, url))


def make_results(
    settings: Settings,
    stores: Stores,
    given: Any,
    given_broker: Any,
    identity: Callable[[], str] = str,
) -> ResultBackend:
    """Return the result backend given, the one the URL asks for, or the one that keeps nothing.

    `identity` is the `reply_to` of this process's messages, where `rpc://` receives.

    A ready broker in memory keeps results too, if nothing else is said.
    """
    if given is not None:
        return given  # type: ignore[no-any-return]
    memory = getattr(given_broker, "memory", None)
    if memory is not None and not settings.result_backend:
        return load(BACKENDS["memory"].results)(memory)  # type: ignore[no-any-return]
    url = backend_url(settings) if given_broker is None or settings.result_backend else None
    if url is None:
        return load(DISABLED_RESULTS)()  # type: ignore[no-any-return]
    if _is_rpc(settings):
        return _by_rpc(settings, stores, identity)
    kind = _technology(url, BACKENDS, "celeriac.backends")
    store = stores.open(kind, url)
    if not kind.open_results:
        return load(kind.results)(store)  # type: ignore[no-any-return]
    return load(kind.open_results)(  # type: ignore[no-any-return]
        store,
        settings=settings,
        codec=make_result_codec(settings),
        serializer=SerializersOf(settings)(settings.result_serializer),
    )


def _is_rpc(settings: Settings) -> bool:
    url = backend_url(settings)
    return url is not None and scheme_of(url) == RPC


def _by_rpc(settings: Settings, stores: Stores, identity: Callable[[], str]) -> ResultBackend:
    url = broker_url(settings)
    kind = _technology(url, BROKERS, "celeriac.brokers")
    if not kind.replies:
        raise ImproperlyConfigured(
            f"result_backend={settings.result_backend!r} sends results back over the broker, and "
            f"{scheme_of(url)}://… carries none: set result_backend to a URL such as "
            f"{EMBEDDED!r}, or use a broker such as RabbitMQ or Redis"
        )
    return load(RPC_RESULTS)(  # type: ignore[no-any-return]
        load(kind.replies)(stores.open(kind, url)),
        settings=settings,
        codec=make_result_codec(settings),
        address=identity,
    )


def _technology(url: str, known: Mapping[str, Technology], group: str) -> Technology:
    found = technology(scheme_of(url), known, group)
    if found is None:
        raise UnknownScheme(url, names(known, group))
    return found


def make_settler(
    settings: Settings, broker: Broker, results: ResultBackend, join: Join | None = None
) -> Settler:
    """Return the atomic settler where broker and results are one store, else the general one.

    `join` is what the general one does with a chord that is complete.
    """
    separate = SeparateSettler(broker, results, settings.broker_publish_timeout, join)
    kind = next((kind for kind in BROKERS.values() if _is(broker, kind.broker)), None)
    if kind is None or not kind.settler:
        return separate
    if _keeps_nothing(results):
        store = getattr(broker, "memory", None) or getattr(broker, "store", None)
        settler: Settler = load(kind.settler)(broker, load(kind.results)(store))
        return ResultlessSettler(settler)
    if not _is(results, kind.results):
        return separate
    try:
        settler = load(kind.settler)(broker, results)
    except ValueError:  # they are of one kind, but not of one place
        return separate
    return settler if settler.atomic else separate


def _is(adapter: object, path: str) -> bool:
    cls = type(adapter)
    return f"{cls.__module__}:{cls.__qualname__}" == path


def _keeps_nothing(results: ResultBackend) -> bool:
    return not results.capabilities.persistent and results.url == "disabled://"


class Beside:
    """Makes the smaller adapters over the broker's store, or in memory for a ready broker."""

    def __init__(self, settings: Settings, stores: Stores, broker: Broker) -> None:
        """Look at what the broker lives in."""
        self._settings, self._stores, self._broker = settings, stores, broker

    def make(self, port: str) -> Any:
        """Make the adapter of a port, named as in Technology."""
        store = getattr(self._broker, "memory", None)
        if store is None:
            url = broker_url(self._settings)
            kind = _technology(url, BROKERS, "celeriac.brokers")
            store = getattr(self._broker, "store", None) or self._stores.open(kind, url)
        else:
            kind = BROKERS["memory"]
        path = getattr(kind, port)
        return load(path)(store) if path else self._by_results(port)

    def _by_results(self, port: str) -> Any:
        """Make it over the result backend's store, where the broker's technology has none."""
        url = backend_url(self._settings)
        if url is not None:
            kind = technology(scheme_of(url), BACKENDS, "celeriac.backends")
            if kind is not None and (path := getattr(kind, port)):
                return load(path)(self._stores.open(kind, url))
        raise NotSupported(
            f"{self._broker.url} cannot serve as {port.replace('_', ' ')}, and the result backend "
            "does not either: set result_backend to a Redis or an SQL database"
        )


def make_bus(settings: Settings, beside: Beside) -> Bus:
    """Return the bus of the broker's store, which speaks in the serializers of the settings."""
    bus: Bus = beside.make("bus")
    bus.bodies = make_bodies(settings)
    return bus


def make_sender(
    settings: Settings, router: Router, codec: SerializerCodec, identity: str
) -> Sender:
    """Return what this process knows of itself when it sends. Raises ImproperlyConfigured."""
    if settings.task_protocol != 2:
        raise ImproperlyConfigured(
            f"task_protocol={settings.task_protocol!r}: expected 2, which workers of Celery read "
            "since 4.0; messages of protocol 1 are read here, but not written"
        )
    return Sender(
        router=router,
        codec=codec,
        origin=f"gen{os.getpid()}@{socket.gethostname()}",
        reply_to=identity,
        serializer=settings.task_serializer,
        compression=settings.task_compression,
        default_priority=_priority(settings.task_default_priority),
        ignore_result=False,
        repr_maxlevels=settings.task_repr_maxlevels,
        delivery_mode=delivery_mode(settings.task_default_delivery_mode),
    )


def _priority(value: Any) -> int | None:
    return None if value is None else int(value)


def make_sending(
    settings: Settings,
    broker: Callable[[], Broker],
    sender: Sender,
    clock: Clock,
    entropy: Entropy,
    results: Callable[[], ResultBackend] | None = None,
) -> Sending:
    """Return what sends; where results come back over the broker, it listens for them first."""
    if results is not None and _is_rpc(settings):
        broker = _Listening(broker, results)
    return Sending(broker, sender, clock, entropy, settings.broker_publish_timeout)


class _Listening:
    """Gives the broker, once there is somebody to hear what becomes of what is sent."""

    def __init__(self, broker: Callable[[], Broker], results: Callable[[], ResultBackend]) -> None:
        self._broker, self._results = broker, results

    def __call__(self) -> Broker:
        if callable(listen := getattr(self._results(), "listen", None)):
            listen()
        return self._broker()


def make_pool(settings: Settings, name: str, slots: int) -> Pool:
    """Return the pool of a name. Raises ImproperlyConfigured naming those there are.

    Beside our names and those of installed packages, `module:Class` is one.
    """
    path = POOLS.get(name)
    cls = load(path) if path else _foreign_pool(name)
    if not path:
        _refuse_celerys(name, cls)
        return cls(slots)  # type: ignore[no-any-return]
    told: dict[str, Any] = {"announce_starts": True}
    if name == "solo":
        return cls(**told)  # type: ignore[no-any-return]
    if name in ("prefork", "processes"):
        told["max_tasks"] = settings.worker_max_tasks_per_child
        told["max_memory"] = settings.worker_max_memory_per_child
    if name in ("prefork", "processes", "asyncio"):
        told["start_method"] = settings.worker_pool_start_method
    return cls(slots, **told)  # type: ignore[no-any-return]


def _foreign_pool(name: str) -> Any:
    """Return the class of a pool that is not ours."""
    variable = "CELERY_CUSTOM_WORKER_POOL"
    named = os.environ.get(variable, "") if name == "custom" else name
    if ":" in named:
        try:
            return load(named)
        except (ImportError, AttributeError) as broken:
            where = f" (from {variable})" if name == "custom" else ""
            raise ImproperlyConfigured(
                f"worker_pool={named!r}{where} cannot be imported: {broken}"
            ) from broken
    cls = third_party("celeriac.pools", name)
    if cls is None:
        known = ", ".join(names(POOLS, "celeriac.pools"))
        raise ImproperlyConfigured(
            f"worker_pool={name!r}: there is no such pool; known: {known}, or module:Class"
        )
    return cls


def _refuse_celerys(name: str, cls: Any) -> None:
    """Raise ImproperlyConfigured for a pool of Celery's shape."""
    celerys: Any = imported("celery.concurrency.base")
    if celerys is not None and isinstance(cls, type) and issubclass(cls, celerys.BasePool):
        raise ImproperlyConfigured(
            f"worker_pool={name!r}: {cls.__qualname__} derives from celery.concurrency.base's "
            "BasePool, and tasks run under leases in pools of celeriac's own contract: derive it "
            "from celeriac.ports.pool.Pool, or choose one of "
            f"{', '.join(names(POOLS, 'celeriac.pools'))}"
        )


def default_slots(pool: Any) -> int:
    """Return how many tasks run at once where nobody says: one a processor this process may use.

    On a loop they wait rather than work, and there may be many.
    """
    if pool == "asyncio":
        return LOOP_SLOTS
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2


def host_clock() -> Clock:
    """Return the host's clock."""
    return load(HOST_CLOCK)()  # type: ignore[no-any-return]


def host_entropy() -> Entropy:
    """Return the host's entropy."""
    return load("celeriac.adapters.host.entropy:SystemEntropy")()  # type: ignore[no-any-return]
