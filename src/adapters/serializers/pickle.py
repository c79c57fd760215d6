"""Pickle: any Python value, for those who trust every writer of their queues.

Reading it runs code of the sender's choice, so it is read only where `accept_content` names it.
"""

import pickle
from typing import Any

from ...domain.errors import DecodeError, EncodeError
from ...ports.codec import Serializer


class PickleSerializer(Serializer):
    """Protocol 4, as Celery writes it."""

    name = "pickle"
    content_type = "application/x-python-serialize"
    content_encoding = "binary"

    def dumps(self, value: Any) -> bytes:
        """Encode."""
        try:
            return pickle.dumps(value, protocol=4)
        except Exception as broken:
            raise EncodeError(f"cannot pickle: {broken}") from broken

    def loads(self, data: bytes) -> Any:
        """Decode, whatever the bytes raise."""
        try:
            return pickle.loads(data)  # noqa: S301 - only where accept_content allows it
        except Exception as broken:
            raise DecodeError(f"not a pickle: {broken}") from broken
