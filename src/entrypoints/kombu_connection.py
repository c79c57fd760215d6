"""Connections of kombu's to an app's broker, for what takes or sends messages beside us."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from ..domain.errors import NotSupported
from .choices import broker_url

if TYPE_CHECKING:
    from .library.app import Celeriac

#: Schemes of brokers whose messages kombu can take from beside us.
SCHEMES: Final = ("amqp", "amqps", "pyamqp", "redis", "rediss", "sentinel", "sqs", "filesystem")


def kombu_connection(app: "Celeriac", who: str) -> Any:
    """Return a connection that is not open yet; `who` needs it.

    Raises NotSupported where kombu is not installed, or cannot reach the broker.
    """
    url = str(app.given["broker"].url) if app.given.get("broker") else broker_url(app.conf)
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme not in SCHEMES:
        raise NotSupported(
            f"{who} takes messages by kombu, which cannot reach {scheme}:// beside celeriac; it "
            f"can with {', '.join(f'{one}://' for one in SCHEMES)}"
        )
    try:
        kombu: Any = import_module("kombu")
    except ImportError as missing:
        raise NotSupported(f"{who} needs kombu: pip install celeriac[amqp]") from missing
    conf = app.conf
    options = dict(conf.broker_transport_options or {})
    return kombu.Connection(url, ssl=conf.broker_use_ssl, transport_options=options)
