"""Values as backends keep them, and back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...application.fetch_results import find_exception
from ...domain.messaging.payload import Codec, Payload
from ...domain.tasks import states
from ...domain.tasks.failures import describe, restore

if TYPE_CHECKING:
    from .app import Celeriac


class BackendValues:
    """Encodes values and documents with the serializer of results, and decodes them."""

    app: "Celeriac"

    @property
    def serializer(self) -> str:
        """The serializer of results."""
        return self.app.conf.result_serializer

    @property
    def _values(self) -> Codec:
        """What reads and writes values."""
        codec: Codec = self.app.container.result_codec()
        return codec

    def encode(self, data: Any) -> Any:
        """Return a value as stored."""
        return self._values.encode(data, self.serializer).data

    def decode(self, payload: Any) -> Any:
        """Return the value of an encoded one."""
        if payload is None:
            return None
        like = self._values.encode(None, self.serializer)
        kept = Payload(as_bytes(payload), like.content_type, like.content_encoding)
        return self._values.decode(kept)

    def decode_result(self, payload: Any) -> Any:
        """Return the document of an encoded one."""
        return self.meta_from_decoded(self.decode(payload))

    def meta_from_decoded(self, meta: Any) -> Any:
        """Return a document with the exception that it describes."""
        if meta["status"] in states.EXCEPTION_STATES:
            meta["result"] = self.exception_to_python(meta["result"])
        return meta

    def encode_result(self, result: Any, state: str) -> Any:
        """Return what is kept of a value: an exception's description, the value itself."""
        if isinstance(result, BaseException):
            return self.prepare_exception(result)
        return self.prepare_value(result)

    def prepare_value(self, result: Any) -> Any:
        """Return what is kept of a value; results as tuples."""
        made = getattr(result, "as_tuple", None)
        return result if made is None else made()

    def prepare_exception(self, exc: BaseException, serializer: str | None = None) -> Any:
        """Return the stored form of an exception."""
        return describe(exc)

    def exception_to_python(self, exc: Any) -> Any:
        """Return the exception of its stored form."""
        return restore(exc, find_exception) if isinstance(exc, Mapping) else exc

    def current_task_children(self, request: Any = None) -> list[Any]:
        """Return what a task has sent, as tuples; of the task that runs if no other is named."""
        if request is None:
            from .current import get_current_task

            request = getattr(get_current_task(), "request", None)
        children = getattr(request, "children", None) or ()
        return [self.prepare_value(child) for child in children]


def as_bytes(value: Any) -> bytes:
    """Return texts in UTF-8, and bytes as they are."""
    return value.encode() if isinstance(value, str) else bytes(value)
