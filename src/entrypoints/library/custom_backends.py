"""What sites derive result backends of their own from: `celery.backends.base`.

A backend keeps the documents of tasks and groups. Which state may replace which, what a failure
looks like, waiting, chords: all that is seen to by whoever uses it, so that a backend need only
read and write. Documents and keys are Celery's, so that Celery's processes read them too.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from warnings import warn

from ...domain.errors import ImproperlyConfigured
from ...domain.messaging.payload import Payload
from ...domain.settings.presentation import masked
from ...domain.tasks import states
from ..codecs import make_result_codec
from .backend_attempts import BackendAttempts
from .backend_sizes import checked_compression, compress_payload, decompress_payload
from .backend_values import as_bytes

if TYPE_CHECKING:
    from .app import Celeriac

#: Contents that are kept as texts rather than bytes.
TEXTS: Final = "utf-8"

FAILURES_STAY: Final = (
    "result_failure_expires is not looked at: {0} keeps failures as long as other results "
    "(supports_failure_expires is False)"
)


class BaseBackend(BackendAttempts):
    """A backend of somebody's own. Heirs define what begins with one underscore and raises here.

    Args:
        app: The app whose results it keeps.
        serializer: What values are written with; default: the setting `result_serializer`.
        max_cached_results: Accepted for Celery's sake: nothing is cached.
        accept: Accepted for Celery's sake: `result_accept_content` says what is read.
        expires: Seconds for which results are kept; default: the setting `result_expires`.
        expires_type: What `expires` is to be made of.
        url: What stood in `result_backend` behind the class.
        **kwargs: Options of the heirs.
    """

    serializer: Any = None
    expires: Any = None
    url: Any = None
    persistent: Any = True
    supports_native_join: Any = False
    #: Whether it deletes old results by itself.
    supports_autoexpire: Any = False
    #: Whether it keeps bytes as they are, so that `result_compression` can make them smaller.
    supports_result_compression = False
    #: Whether it keeps failures for as long as `result_failure_expires` says.
    supports_failure_expires: Any = False

    def __init__(
        self,
        app: "Celeriac",
        serializer: str | None = None,
        max_cached_results: int | None = None,
        accept: Iterable[str] | None = None,
        expires: Any = None,
        expires_type: Any = None,
        url: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(app)
        self.serializer = serializer or app.conf.result_serializer
        self._codec = make_result_codec(app.conf)
        written = self._codec.encode(None, self.serializer)
        self.content_type, self.content_encoding = written.content_type, written.content_encoding
        self.compression = self.prepare_compression(app.conf.result_compression)
        self.expires = self.prepare_expires(expires, expires_type)
        self.url = url
        if app.conf.result_failure_expires is not None and not self.supports_failure_expires:
            warn(FAILURES_STAY.format(type(self).__qualname__), UserWarning, stacklevel=3)

    def as_uri(self, include_password: bool = False) -> str:
        """Return the URL, its password hidden unless asked for; or the class."""
        url = self.url or f"{type(self).__module__}.{type(self).__qualname__}://"
        return str(url) if include_password else str(masked("result_backend", url))

    # -- what heirs define

    def _get_task_meta_for(self, task_id: str) -> Mapping[str, Any]:
        """Return the document of a task; `{"status": "PENDING", "result": None}` without one."""
        raise self._undefined("_get_task_meta_for")

    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: str | None = None,
        request: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Keep what a task has come to; `result` can be encoded as it is."""
        raise self._undefined("_store_result")

    def _forget(self, task_id: str) -> None:
        """Delete the document of a task."""
        raise self._undefined("_forget")

    def _save_group(self, group_id: str, result: Any) -> Any:
        """Keep the result of a group."""
        raise self._undefined("_save_group")

    def _restore_group(self, group_id: str) -> Any:
        """Return `{"result": …}` of a group, or None."""
        raise self._undefined("_restore_group")

    def _delete_group(self, group_id: str) -> None:
        """Delete what is kept of a group."""
        raise self._undefined("_delete_group")

    def cleanup(self) -> None:
        """Delete what is older than `expires`; a store may do so by itself."""

    def process_cleanup(self) -> None:
        """Let go of what this process has opened."""

    def _undefined(self, what: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__qualname__} does not define {what}")

    # -- writing

    def store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: str | None = None,
        request: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Keep a state under a task's id, with its value or exception. Returns the value."""
        prepared = self.encode_result(result, state)
        text = None if traceback is None else str(traceback)
        self.attempted(
            self._store_result, task_id, prepared, state, text, request=request, **kwargs
        )
        return prepared

    def _get_result_meta(
        self,
        result: Any,
        state: str,
        traceback: str | None,
        request: Any,
        format_date: bool = True,
        encode: bool = False,
    ) -> dict[str, Any]:
        """Return the document of a task; with `encode`, its arguments encoded by themselves."""
        done = None
        if state in states.READY_STATES:
            done = getattr(request, "date_done", None) or self.app.clock.now()
        meta: dict[str, Any] = {
            "status": state,
            "result": result,
            "traceback": traceback,
            "children": self.current_task_children(request),
            "date_done": done.isoformat() if done is not None and format_date else done,
        }
        if request is not None:
            pairs = (("group_id", "group"), ("parent_id", "parent_id"))
            meta |= {key: getattr(request, name) for key, name in pairs if getattr(request, name)}
            if getattr(request, "extended", False) or self.app.conf.result_extended:
                meta |= self._extended(request, encode=encode)
        return meta

    def _extended(self, request: Any, *, encode: bool) -> dict[str, Any]:
        info = getattr(request, "delivery_info", None) or {}
        said = {
            "name": getattr(request, "task", None),
            "args": getattr(request, "args", None),
            "kwargs": getattr(request, "kwargs", None),
            "worker": getattr(request, "hostname", None),
            "retries": getattr(request, "retries", None),
            "queue": info.get("routing_key"),
        }
        if encode:
            said |= {key: as_bytes(self.encode(said[key])) for key in ("args", "kwargs")}
        stamped = getattr(request, "stamped_headers", None)
        if stamped:
            said |= {"stamped_headers": list(stamped), "stamps": getattr(request, "stamps", None)}
        return said

    # -- encoding

    def prepare_compression(self, compression: str | None) -> str | None:
        """Return the method that makes results smaller; None if they are kept as they are."""
        return checked_compression(self, compression)

    def _encode(self, data: Any) -> tuple[str, str, Any]:
        payload = self._codec.encode(data, self.serializer)
        text = payload.content_encoding == TEXTS
        shown = payload.data.decode() if text else payload.data
        return payload.content_type, payload.content_encoding, shown

    def encode(self, data: Any) -> Any:
        """Return a value as text, or as bytes where the serializer makes such."""
        encoded = self._encode(data)[2]
        return compress_payload(encoded, self.compression) if self.compression else encoded

    def decode(self, payload: Any) -> Any:
        """Return the value of an encoded one."""
        if payload is None:
            return None
        kept = Payload(
            as_bytes(decompress_payload(payload)), self.content_type, self.content_encoding
        )
        return self._codec.decode(kept)

    def __getattr__(self, name: str) -> Any:
        """Have no more than an heir defines."""
        raise AttributeError(f"{type(self).__qualname__!r} has no attribute {name!r}")


BaseDictBackend = BaseBackend


def checked(found: Any, asked: Any) -> type[BaseBackend]:
    """Return a class that may keep results. Raises ImproperlyConfigured."""
    if isinstance(found, type) and issubclass(found, BaseBackend):
        return found
    raise ImproperlyConfigured(
        f"result_backend={asked!r}: expected a class derived from celery.backends.base.BaseBackend "
        "or KeyValueStoreBackend as celeriac knows them; one derived from Celery's own is, once "
        "Celery's names are celeriac's (celeriac --as-celery, or CELERIAC_AS_CELERY=1)"
    )
