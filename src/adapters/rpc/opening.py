"""How the container opens `rpc://`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...domain.messaging.payload import Codec
from ...ports.replies import Replies
from .results import RpcResults


def open_results(
    replies: Replies, *, settings: Mapping[str, Any], codec: Codec, address: Callable[[], str]
) -> RpcResults:
    """Return the backend over the broker's replies, as the settings say."""
    return RpcResults(replies, codec, address, expires=settings.get("result_expires"))
