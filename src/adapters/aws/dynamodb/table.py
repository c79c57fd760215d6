"""The table that results are in, made as a URL says where it is not there."""

from __future__ import annotations

import time
from typing import Any, Final

from ....domain.errors import BackendUnavailable, ImproperlyConfigured
from .address import Address

#: Seconds for which a table may be in the making, and between two looks at it.
MAKING: Final = 60.0
_LOOK: Final = 0.25


def have_table(client: Any, address: Address) -> None:
    """Make the table if there is none, with TimeToLive as the URL says. Raises what boto3 does."""
    _have_table(client, address)
    if address.ttl is not None:
        _have_time_to_live(client, address)


def _have_table(client: Any, address: Address) -> None:
    table = address.table
    try:
        status = client.describe_table(TableName=table)["Table"]["TableStatus"]
    except client.exceptions.ResourceNotFoundException:
        status = _make_table(client, address)
    end = time.monotonic() + MAKING
    while status in ("CREATING", "DELETING"):
        if time.monotonic() > end:
            raise BackendUnavailable(
                f"{address.shown}: the table is {status} for {MAKING:g} s; look at it in AWS"
            )
        time.sleep(_LOOK)
        status = client.describe_table(TableName=table)["Table"]["TableStatus"]


def _make_table(client: Any, address: Address) -> str:
    billing: dict[str, Any] = {"BillingMode": "PAY_PER_REQUEST"}
    if address.capacity is not None:
        read, write = address.capacity
        units = {"ReadCapacityUnits": read, "WriteCapacityUnits": write}
        billing = {"ProvisionedThroughput": units}
    try:
        made = client.create_table(
            TableName=address.table,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            **billing,
        )
    except client.exceptions.ResourceInUseException:
        return "CREATING"  # by somebody else, just now
    return str(made["TableDescription"]["TableStatus"])


def _have_time_to_live(client: Any, address: Address) -> None:
    table, wanted = address.table, address.expires
    said = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    attribute = said.get("AttributeName", "ttl")
    if said["TimeToLiveStatus"].startswith("ENABL") == wanted and attribute == "ttl":
        return
    if wanted and attribute != "ttl":
        raise ImproperlyConfigured(
            f"{address.shown}: the table's TimeToLive goes by {attribute!r}, and ttl_seconds "
            "needs it to go by 'ttl': switch it off there, or name another table"
        )
    if attribute != "ttl":
        return  # somebody else's, who was not asked to go
    client.update_time_to_live(
        TableName=table,
        TimeToLiveSpecification={"Enabled": wanted, "AttributeName": "ttl"},
    )
