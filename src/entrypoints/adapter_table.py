"""Which adapter serves which URL scheme, pool name and serializer: names only, imported when used.

Third parties add theirs through packaging entry points: `celeriac.brokers` and
`celeriac.backends` (scheme → Technology), `celeriac.pools` (name → pool class).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final

_A = "celeriac.adapters"


@dataclass(frozen=True, slots=True)
class Technology:
    """The classes of one technology, as `module:name`. Empty: it does not serve that port.

    `store` is what its adapters share: called as `store(url, clock=…, options=…)`. Each adapter
    is then made of the store, the settler of a broker and a result backend over the same store.
    """

    store: str
    broker: str = ""
    results: str = ""
    settler: str = ""
    bus: str = ""
    coordinator: str = ""
    schedule_store: str = ""
    #: Carries results back to who sent the task, for `rpc://`.
    replies: str = ""
    #: Made of the store of a result backend, for brokers whose claims are no records of their own.
    ledger: str = ""
    #: Whether `broker` is made of its store and such a ledger.
    wants_ledger: bool = False
    #: Whether `store` takes several URLs, joined by `;`; else it is given the first.
    many: bool = False
    #: Called as `open_results(store, settings=…, codec=…, serializer=…)` where the class alone
    #: cannot know what settings say of results.
    open_results: str = ""
    #: Called as `complete(url, settings)`: the URL of a result backend, with what settings say
    #: beside it.
    complete: str = ""


MEMORY: Final = Technology(
    store=f"{_A}.memory.opening:open_store",
    broker=f"{_A}.memory.broker:MemoryBroker",
    results=f"{_A}.memory.results:MemoryResults",
    settler=f"{_A}.memory.settler:MemorySettler",
    bus=f"{_A}.memory.bus:MemoryBus",
    coordinator=f"{_A}.memory.coordinator:MemoryCoordinator",
    schedule_store=f"{_A}.memory.schedule_store:MemoryScheduleStore",
)
SQL: Final = Technology(
    store=f"{_A}.sql.opening:open_store",
    broker=f"{_A}.sql.broker:SqlBroker",
    results=f"{_A}.sql.results:SqlResults",
    settler=f"{_A}.sql.settler:SqlSettler",
    bus=f"{_A}.sql.bus:SqlBus",
    coordinator=f"{_A}.sql.coordinator:SqlCoordinator",
    schedule_store=f"{_A}.sql.schedule_store:SqlScheduleStore",
    ledger=f"{_A}.sql.ledger:SqlLedger",
    open_results=f"{_A}.sql.opening:open_results",
)
REDIS: Final = Technology(
    store=f"{_A}.redis.opening:open_store",
    broker=f"{_A}.redis.broker:RedisBroker",
    results=f"{_A}.redis.results:RedisResults",
    settler=f"{_A}.redis.settler:RedisSettler",
    bus=f"{_A}.redis.bus:RedisBus",
    coordinator=f"{_A}.redis.coordinator:RedisCoordinator",
    schedule_store=f"{_A}.redis.schedule_store:RedisScheduleStore",
    replies=f"{_A}.redis.replies:RedisReplies",
    ledger=f"{_A}.redis.ledger:RedisLedger",
    open_results=f"{_A}.redis.opening:open_results",
    complete=f"{_A}.redis.backend_url:completed",
    many=True,
)

#: It keeps messages only: what else a cluster needs is kept where the results are.
AMQP: Final = Technology(
    store=f"{_A}.kombu.opening:open_store",
    broker=f"{_A}.kombu.broker:AmqpBroker",
    bus=f"{_A}.kombu.bus:AmqpBus",
    replies=f"{_A}.kombu.replies:AmqpReplies",
    wants_ledger=True,
    many=True,
)

#: Every other transport of kombu; they carry messages only, as AMQP does.
VIRTUAL: Final = Technology(
    store=f"{_A}.kombu.virtual.opening:open_store",
    broker=f"{_A}.kombu.virtual.broker:VirtualBroker",
    bus=f"{_A}.kombu.virtual.bus:SilentBus",
    replies=f"{_A}.kombu.virtual.replies:VirtualReplies",
    wants_ledger=True,
)

#: They keep results only.
DYNAMODB: Final = Technology(
    store=f"{_A}.aws.dynamodb.opening:open_store",
    results=f"{_A}.aws.dynamodb.results:DynamoResults",
    open_results=f"{_A}.aws.dynamodb.opening:open_results",
)
S3: Final = Technology(
    store=f"{_A}.aws.s3.opening:open_store",
    results=f"{_A}.aws.s3.results:S3Results",
    open_results=f"{_A}.aws.s3.opening:open_results",
)

_SQL_SCHEMES: Final = (
    "sqlite",
    "postgresql",
    "postgres",
    "mysql",
    "mariadb",
)

#: Its keys are spread over several servers, and no step spans two of them.
REDIS_CLUSTER: Final = replace(REDIS, broker=f"{_A}.redis.cluster_broker:ClusterBroker", settler="")

_REDIS_SCHEMES: Final = ("redis", "rediss", "redis+socket", "unix", "sentinel")
_CLUSTER_SCHEMES: Final = ("redis+cluster", "rediss+cluster")

_SQL_BY_KOMBU: Final = tuple(
    f"{name}+{dialect}"
    for name in ("sqla", "sqlalchemy")
    for dialect in ("sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql")
)
_VIRTUAL_SCHEMES: Final = (
    *("filesystem", "kombu+memory", "sqs", "mongodb", "mongodb+srv", "zookeeper"),
    *("kafka", "confluentkafka", "gcpubsub", "azureservicebus", "azurestoragequeues"),
    *("consul", "etcd", "pyro", "slmq", "qpid", "pgmq"),
    *_SQL_BY_KOMBU,
)

BROKERS: Final[Mapping[str, Technology]] = {
    "memory": MEMORY,
    **dict.fromkeys(_SQL_SCHEMES, SQL),
    **dict.fromkeys(_REDIS_SCHEMES, REDIS),
    **dict.fromkeys(_CLUSTER_SCHEMES, REDIS_CLUSTER),
    **dict.fromkeys(("amqp", "amqps", "pyamqp"), AMQP),
    **dict.fromkeys(_VIRTUAL_SCHEMES, VIRTUAL),
}
BACKENDS: Final[Mapping[str, Technology]] = {
    "memory": MEMORY,
    "cache+memory": MEMORY,
    "db": SQL,
    "database": SQL,
    **dict.fromkeys(_SQL_SCHEMES, SQL),
    **dict.fromkeys(_REDIS_SCHEMES, REDIS),
    **dict.fromkeys(_CLUSTER_SCHEMES, REDIS_CLUSTER),
    "dynamodb": DYNAMODB,
    "s3": S3,
}
#: Results that go back over the broker: `open_results(replies, settings=…, codec=…, address=…)`.
RPC: Final = "rpc"
RPC_RESULTS: Final = f"{_A}.rpc.opening:open_results"
DISABLED_RESULTS: Final = f"{_A}.disabled.results:DisabledResults"

POOLS: Final[Mapping[str, str]] = {
    "prefork": f"{_A}.pools.prefork:PreforkPool",
    "processes": f"{_A}.pools.prefork:PreforkPool",
    "threads": f"{_A}.pools.threads:ThreadsPool",
    "solo": f"{_A}.pools.solo:SoloPool",
    "asyncio": f"{_A}.pools.asyncio_pool:AsyncioPool",
    "gevent": f"{_A}.pools.gevent_pool:GeventPool",
    "eventlet": f"{_A}.pools.eventlet_pool:EventletPool",
}

#: Keeps the lease of a worker whose tasks run in its own process.
LEASE_GUARD: Final = f"{_A}.pools.guard:ForkedGuard"

#: Keeps what a worker remembers from one run to the next.
STATE_FILE: Final = f"{_A}.host.state_file:DbmStateFile"

_S = f"{_A}.serializers"
SERIALIZERS: Final[Mapping[str, str]] = {
    "json": f"{_S}.json:JsonSerializer",
    "application/json": f"{_S}.json:JsonSerializer",
    "pickle": f"{_S}.pickle:PickleSerializer",
    "application/x-python-serialize": f"{_S}.pickle:PickleSerializer",
    "yaml": f"{_S}.yaml:YamlSerializer",
    "application/x-yaml": f"{_S}.yaml:YamlSerializer",
    "msgpack": f"{_S}.msgpack:MsgpackSerializer",
    "application/x-msgpack": f"{_S}.msgpack:MsgpackSerializer",
}
#: Called as `open_signer(settings, clock=…)`.
SIGNER: Final = f"{_A}.signing.signer:open_signer"
#: Called as `RsaSigner(key, certificate, store, digest, clock)`.
RSA_SIGNER: Final = f"{_A}.signing.signer:RsaSigner"
SIGNATURE_HASH: Final = f"{_A}.signing.signer:hash_of"
SIGNATURE_PADDING: Final = f"{_A}.signing.signer:pss"
#: Called as `parse_key(pem, password, source)` and `parse_certificate(pem, source)`.
PRIVATE_KEY: Final = f"{_A}.signing.certificates:parse_key"
CERTIFICATE: Final = f"{_A}.signing.certificates:parse_certificate"
HOST_CLOCK: Final = f"{_A}.host.clock:SystemClock"

_STANDARD = f"{_A}.compressors.standard"
COMPRESSORS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("zlib", "gzip", "application/x-gzip"), f"{_STANDARD}:ZlibCompressor"),
    **dict.fromkeys(("bzip2", "bzip", "application/x-bz2"), f"{_STANDARD}:Bzip2Compressor"),
    **dict.fromkeys(("lzma", "xz", "application/x-lzma"), f"{_STANDARD}:LzmaCompressor"),
    **dict.fromkeys(
        ("brotli", "application/x-brotli"), f"{_A}.compressors.brotli:BrotliCompressor"
    ),
    **dict.fromkeys(
        ("zstd", "zstandard", "application/zstd"), f"{_A}.compressors.zstd:ZstdCompressor"
    ),
}


def technology(scheme: str, known: Mapping[str, Technology], group: str) -> Technology | None:
    """Return who serves a scheme; `sqlite+pysqlite` and `db+sqlite` are served as their parts."""
    for name in (scheme, *reversed(scheme.split("+")), *scheme.split("+")[:1]):
        if name in known:
            return known[name]
    found = third_party(group, scheme)
    return found if isinstance(found, Technology) else None


def third_party(group: str, name: str) -> Any:
    """Return what an installed package offers under a name, or None."""
    from importlib.metadata import entry_points  # for strangers only; it costs over a megabyte

    return next((entry.load() for entry in entry_points(group=group, name=name)), None)


def names(known: Mapping[str, Any], group: str) -> list[str]:
    """Return all names there are, those of installed packages included."""
    from importlib.metadata import entry_points

    return sorted({*known, *(entry.name for entry in entry_points(group=group))})


def load(path: str) -> Any:
    """Import what `module:name` stands for."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
