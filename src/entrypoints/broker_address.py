"""Where the broker is, put together of all the settings that say something of it.

Celery knows a URL, one for reading and one for writing beside it, and five older settings that say
what a URL leaves open. Publishing and consuming have one address here: a settlement does both in
one step.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ..domain.errors import ImproperlyConfigured
from ..domain.settings import Settings

if TYPE_CHECKING:
    from urllib.parse import SplitResult

#: What of a URL the older settings say.
_OLDER: Final = ("broker_user", "broker_password", "broker_host", "broker_port", "broker_vhost")
#: Begin URLs of what is in a file or in this process.
_WITHOUT_HOST: Final = ("sqlite", "db+sqlite", "memory", "kombu+memory", "filesystem")


def joined(urls: Any) -> str | None:
    """Return one URL or a list of them as one text, parted by `;`; None where there is none."""
    if isinstance(urls, list | tuple):
        return ";".join(map(str, urls)) or None
    return None if urls is None else str(urls)


def broker_address(settings: Settings) -> str | None:
    """Return the broker's URL, or several parted by `;`; None where no setting says anything.

    Raises ImproperlyConfigured where it is to be read from one place and written to another.
    """
    told = joined(settings.broker_url)
    read = joined(settings.broker_read_url) or told or joined(settings.broker_write_url)
    write = joined(settings.broker_write_url) or told or read
    if read != write:
        raise ImproperlyConfigured(
            f"broker_read_url={_hidden(read)} and broker_write_url={_hidden(write)}: expected one "
            "address, since what a task publishes is committed in one step with its "
            "acknowledgement; set broker_url alone, to several URLs where one stands in for another"
        )
    older = {name: settings[name] for name in _OLDER if settings[name] is not None}
    transport = settings.broker_transport
    if read is None and not older and not transport:
        return None
    urls = (read or f"{transport or 'amqp'}://{older.get('broker_host', '')}").split(";")
    return ";".join(_filled(url, older, transport) for url in urls)


def _filled(url: str, older: Mapping[str, Any], transport: str | None) -> str:
    """Return a URL with what it leaves open."""
    if "://" not in url and transport:
        url = f"{transport}://{url}"
    if not older or "://" not in url or url.startswith(_WITHOUT_HOST):
        return url
    from urllib.parse import urlsplit  # most workers do without

    parts = urlsplit(url)
    user, password = parts.username, parts.password
    if user is None and password is None:
        user, password = _quoted(older, "broker_user"), _quoted(older, "broker_password")
    host = _host(parts) or str(older.get("broker_host") or "localhost")
    port = parts.port or older.get("broker_port")
    path = parts.path if parts.path.strip("/") else _path(older, parts.path)
    let_in = "" if user is None and password is None else f"{user or ''}:{password or ''}@"
    place = f"{let_in}{host}:{port}" if port else f"{let_in}{host}"
    return parts._replace(netloc=place, path=path).geturl()


def _quoted(older: Mapping[str, Any], name: str) -> str | None:
    from urllib.parse import quote

    return quote(str(older[name]), safe="") if name in older else None


def _host(parts: "SplitResult") -> str:
    """Return the host as the URL writes it."""
    place = parts.netloc.rpartition("@")[2]
    return place[: place.index("]") + 1] if place.startswith("[") else place.partition(":")[0]


def _path(older: Mapping[str, Any], path: str) -> str:
    return f"/{older['broker_vhost']}" if "broker_vhost" in older else path


def _hidden(url: str | None) -> str:
    """Return a URL as an error may show it."""
    return "None" if url is None else repr(url.rpartition("@")[2])
