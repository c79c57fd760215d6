"""What settings say for these transports, read once; and which transports there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ....domain.errors import ImproperlyConfigured

#: Scheme → the Python module its client is, where kombu alone is not enough, and how to get that.
NEEDS: Final[Mapping[str, tuple[str, str]]] = {
    "sqs": ("boto3", "celeriac[sqs]"),
    "mongodb": ("pymongo", "celeriac[amqp,mongodb]"),
    "zookeeper": ("kazoo", "kombu[zookeeper]"),
    "kafka": ("confluent_kafka", "kombu[confluentkafka]"),
    "confluentkafka": ("confluent_kafka", "kombu[confluentkafka]"),
    "gcpubsub": ("google.cloud.pubsub_v1", "kombu[gcpubsub] google-cloud-monitoring"),
    "azurestoragequeues": ("azure.storage.queue", "kombu[azurestoragequeues]"),
    "azureservicebus": ("azure.servicebus", "kombu[azureservicebus]"),
    "consul": ("consul", "kombu[consul]"),
    "etcd": ("etcd", "python-etcd"),
    "pyro": ("Pyro4", "kombu[pyro]"),
    "slmq": ("softlayer_messaging", "kombu[slmq]"),
    "qpid": ("qpid", "kombu[qpid]"),
    "pgmq": ("pgmq", "kombu[pgmq]"),
    "sqla": ("sqlalchemy", "kombu[sqlalchemy]"),
    "sqlalchemy": ("sqlalchemy", "kombu[sqlalchemy]"),
}
#: What kombu calls `memory` is called so here, since ours has that name.
MEMORY: Final = "kombu+memory"


@dataclass(frozen=True, slots=True)
class VirtualSettings:
    """How to reach a transport. Times are seconds."""

    url: str
    transport: str
    options: Mapping[str, Any] = field(default_factory=dict)
    ssl: Any = False
    timeout: float = 4.0
    #: Between two looks at queues that were empty; None: as kombu does for the transport.
    poll: float | None = None


def read(url: str, settings: Mapping[str, Any]) -> VirtualSettings:
    """Read the settings. Raises ImproperlyConfigured for a URL that cannot be."""
    scheme, colon, _ = url.partition("://")
    if not colon:
        raise ImproperlyConfigured(f"{url!r} is no URL: expected e.g. filesystem:// or sqs://")
    options = dict(settings.get("broker_transport_options") or {})
    known = VirtualSettings(url, "")
    tls = settings.get("broker_use_ssl") or False
    poll = options.get("polling_interval")
    if scheme == MEMORY:
        url = url.removeprefix("kombu+")
    return VirtualSettings(
        url=url,
        transport=scheme.lower() if scheme == MEMORY else scheme.lower().split("+")[0],
        options=options,
        ssl=dict(tls) if isinstance(tls, Mapping) else tls,
        timeout=float(settings.get("broker_connection_timeout") or known.timeout),
        poll=None if poll is None else float(poll),
    )
