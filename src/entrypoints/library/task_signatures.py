"""Signatures of a task: its calls, before anybody sends them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from ...application.context import Context
from .task_running import P, R, RunningTask

if TYPE_CHECKING:
    from .canvas import Signature
    from .maps import chunks, xmap, xstarmap


class SignableTask(RunningTask[P, R]):
    """What calls can be made of a task."""

    def signature(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> "Signature":
        """Return a signature with these arguments; see `s` for the short way."""
        options.setdefault("app", self._app)
        return _signature_type()(self, args, kwargs, **options)

    subtask = signature

    def s(self, *args: Any, **kwargs: Any) -> "Signature":
        """Return a signature with these arguments."""
        return self.signature(args, kwargs)

    def si(self, *args: Any, **kwargs: Any) -> "Signature":
        """Return a signature that takes no further arguments."""
        return self.signature(args, kwargs, immutable=True)

    def map(self, it: Iterable[Any]) -> "xmap":
        """Return a signature of one call that calls this with each item in turn."""
        from .maps import xmap

        return xmap(self.s(), it, app=self._app)

    def starmap(self, it: Iterable[Any]) -> "xstarmap":
        """Return a signature of one call that calls this with each item as its arguments."""
        from .maps import xstarmap

        return xstarmap(self.s(), it, app=self._app)

    def chunks(self, it: Iterable[Any], n: int) -> "chunks":
        """Return a signature of a group: starmaps over `n` items each."""
        from .maps import chunks

        return chunks(self.s(), it, n, app=self._app)

    def signature_from_request(
        self,
        request: Context | None = None,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        queue: str | None = None,
        **extra_options: Any,
    ) -> "Signature":
        """Return the call that would send this very request again, one retry later."""
        request = self.request if request is None else request
        args = (request.args or ()) if args is None else args
        kwargs = (request.kwargs or {}) if kwargs is None else kwargs
        options = {**request.as_execution_options(), "retries": request.retries + 1}
        if queue:
            options["queue"] = queue
        elif request.delivery_info:
            options["routing_key"] = request.delivery_info.get("routing_key")
            options["exchange"] = request.delivery_info.get("exchange")
        return self.signature(args, kwargs).set(**{**options, **extra_options})

    subtask_from_request = signature_from_request


@cache
def _signature_type() -> "type[Signature]":
    from .canvas import Signature  # an import in a call costs as much as a signature

    return Signature
