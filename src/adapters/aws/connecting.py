"""Clients of Amazon's services, by boto3.

What must stay true: nothing waits for an endpoint longer than the seconds here, where boto3 by
itself would for minutes; boto3 is imported when somebody wants a client, and not before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ...domain.errors import ImproperlyConfigured, MissingExtra

#: Seconds until a connection stands, and until an answer begins; attempts of one request in all.
CONNECT_TIMEOUT: Final = 3.0
READ_TIMEOUT: Final = 6.0
ATTEMPTS: Final = 2
#: Connections of one client, which all threads of a process share.
_CONNECTIONS: Final = 20


@dataclass(frozen=True, slots=True)
class Access:
    """Whom boto3 speaks to, and as whom. None: as boto3's own chain says."""

    region: str | None = None
    endpoint: str | None = None
    key_id: str | None = None
    secret: str | None = None

    def __post_init__(self) -> None:
        if (self.key_id is None) != (self.secret is None):
            missing = "secret" if self.secret is None else "access key id"
            raise ImproperlyConfigured(
                f"the credentials for AWS lack the {missing}: give key id and secret, or neither "
                "and let boto3 find them (environment, ~/.aws, the machine's role)"
            )

    def __repr__(self) -> str:
        return f"Access(region={self.region!r}, endpoint={self.endpoint!r})"


def check_driver(scheme: str) -> None:
    """Raise MissingExtra where boto3 is not installed."""
    try:
        import boto3  # noqa: F401
    except ImportError as missing:
        raise MissingExtra(f"{scheme}://…", "aws", "boto3") from missing


def client_of(service: str, access: Access) -> Any:
    """Return a client, which several threads may use. Raises what boto3 does, and ValueError."""
    from boto3.session import Session
    from botocore.config import Config

    session = Session(
        aws_access_key_id=access.key_id,
        aws_secret_access_key=access.secret,
        region_name=access.region,
    )
    return session.client(
        service,
        endpoint_url=access.endpoint,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=_CONNECTIONS,
            # Others that speak as S3 does know no checksums but those there have always been.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def failures(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what clients raise, and what is named."""
    from botocore import exceptions

    raised: tuple[type[Exception], ...]
    raised = (exceptions.BotoCoreError, exceptions.ClientError, OSError, *more)
    return raised
