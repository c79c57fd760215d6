"""`celery.backends.base`: what result backends of a site's own derive from."""

from typing import Final

from ..library.backend import Backend as CelerysView
from ..library.backend import DisabledBackend
from ..library.backend_sizes import UNKNOWN as E_UNKNOWN_COMPRESSION
from ..library.backend_sizes import UNSUPPORTED as W_COMPRESSION_UNSUPPORTED
from ..library.backend_sizes import compress_payload, decompress_payload
from ..library.backend_waiting import BackendWaiting
from ..library.current import get_current_task
from ..library.custom_backends import FAILURES_STAY as W_FAILURE_EXPIRES_UNSUPPORTED
from ..library.custom_backends import BaseBackend, BaseDictBackend
from ..library.key_value_backend import KeyValueStoreBackend

__all__ = [
    "EXCEPTION_ABLE_CODECS",
    "E_UNKNOWN_COMPRESSION",
    "W_COMPRESSION_UNSUPPORTED",
    "W_FAILURE_EXPIRES_UNSUPPORTED",
    "Backend",
    "BaseBackend",
    "BaseDictBackend",
    "BaseKeyValueStoreBackend",
    "CelerysView",
    "DisabledBackend",
    "KeyValueStoreBackend",
    "SyncBackendMixin",
    "compress_payload",
    "decompress_payload",
    "get_current_task",
]

Backend = BaseBackend
BaseKeyValueStoreBackend = KeyValueStoreBackend

#: Serializers that could carry an exception as it is.
EXCEPTION_ABLE_CODECS: Final = frozenset({"pickle"})


class SyncBackendMixin(BackendWaiting):
    """Waiting, for backends that list it among their bases as Celery's do."""
