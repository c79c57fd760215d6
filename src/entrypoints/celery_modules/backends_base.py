"""`celery.backends.base`: what result backends of a site's own derive from."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..library.backend import Backend as CelerysView
from ..library.backend import DisabledBackend
from ..library.backend_sizes import UNKNOWN as E_UNKNOWN_COMPRESSION
from ..library.backend_sizes import UNSUPPORTED as W_COMPRESSION_UNSUPPORTED
from ..library.backend_sizes import compress_payload, decompress_payload
from ..library.backend_waiting import BackendWaiting
from ..library.current import get_current, get_current_task
from ..library.custom_backends import FAILURES_STAY as W_FAILURE_EXPIRES_UNSUPPORTED
from ..library.custom_backends import BaseBackend, BaseDictBackend
from ..library.key_value_backend import KeyValueStoreBackend

__all__ = [
    "EXCEPTION_ABLE_CODECS",
    "E_CHORD_NO_BACKEND",
    "E_NO_BACKEND",
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
    "unpickle_backend",
]

Backend = BaseBackend
BaseKeyValueStoreBackend = KeyValueStoreBackend

#: Serializers that could carry an exception as it is.
EXCEPTION_ABLE_CODECS: Final = frozenset({"pickle"})


#: What heirs may say where there is no backend, or none that counts.
E_NO_BACKEND: Final = "No results are kept: set result_backend to the URL of a store."
E_CHORD_NO_BACKEND: Final = (
    "A chord, or a group with a task behind it, needs a store that counts its parts: set "
    "result_backend."
)


def unpickle_backend(cls: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return a backend of a class, for the current app."""
    return cls(*args, app=get_current(), **kwargs)


class SyncBackendMixin(BackendWaiting):
    """Waiting, for backends that list it among their bases as Celery's do."""
