"""Chords and failures, by the hands of whoever calls the backend instead of a worker's."""

import sys
import traceback as tracebacks
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...application.context import Context
from ...application.tell_of_runs import error_info
from ...domain.errors import NotSupported
from ...domain.tasks import states
from ...domain.tasks.builtin_names import CHORD_UNLOCK
from .backend_hooks import BackendHooks

if TYPE_CHECKING:
    from .app import Celeriac


class BackendChords(BackendHooks):
    """Sends the body of a chord when its header is done; says what has failed."""

    app: "Celeriac"

    def mark_as_failure(
        self,
        task_id: str,
        exc: BaseException,
        traceback: str | None = None,
        request: Any = None,
        store_result: bool = True,
        call_errbacks: bool = True,
        state: str = states.FAILURE,
    ) -> None:
        """Keep that a task failed."""
        raise NotImplementedError

    def ensure_chords_allowed(self) -> None:
        """Raise NotSupported if nobody would complete a chord."""
        can = self.app.results.capabilities
        if not (can.chords or (self.app.conf.result_chord_polling and can.persistent)):
            raise NotSupported(
                "chords need a result backend that counts their parts, and "
                f"{self.app.results.url} does not: set result_backend, or result_chord_polling"
            )

    def apply_chord(self, header_result_args: Sequence[Any], body: Any, **kwargs: Any) -> None:
        """Have the body sent when all of a header that was sent already are done.

        Args:
            header_result_args: What `GroupResult` is made of: the group's id and its results.
            body: The signature that gets their values.
            **kwargs: Arguments of `fallback_chord_unlock`.
        """
        self.ensure_chords_allowed()
        self.fallback_chord_unlock(self.app.GroupResult(*header_result_args), body, **kwargs)

    def fallback_chord_unlock(
        self, header_result: Any, body: Any, countdown: float = 1, **kwargs: Any
    ) -> None:
        """Send a task that looks at a header's results until all are there, then sends the body.

        It goes where the body goes. `interval` and `max_retries` say how often it looks.
        """
        router = self.app.container.router()
        options = {key: body.options[key] for key in _WAYS if body.options.get(key) is not None}
        route = router.route(body.task, body.args, body.kwargs, options)
        told = [result.as_tuple() for result in header_result.results]
        self.app.tasks[CHORD_UNLOCK].apply_async(
            (header_result.id, body),
            {**kwargs, "result": told},
            countdown=countdown,
            queue=route.queue,
            priority=body.options.get("priority"),
        )

    def fail_from_current_stack(self, task_id: str, exc: BaseException | None = None) -> Any:
        """Keep that a task failed, with the exception handled now; returns it as handlers get it.

        `exc` stands for another exception with the same traceback.
        """
        handled = sys.exception()
        failure = handled if exc is None else exc
        if failure is None:
            raise ValueError("no exception is handled here: call it where one is, or give `exc`")
        source = failure if handled is None else handled
        text = "".join(tracebacks.format_exception(type(failure), failure, source.__traceback__))
        self.mark_as_failure(task_id, failure, traceback=text)
        return error_info(failure, text)

    def chord_error_from_stack(self, callback: Any, exc: BaseException | None = None) -> Any:
        """Keep that the body of a chord failed before it ran, and call its errbacks."""
        failure = sys.exception() if exc is None else exc
        body = self.app.signature(callback)
        body_id = body.options.setdefault("task_id", body.id or self.app.new_id())
        request = Context({**body, "id": body_id, "errbacks": body.options.get("link_error")})
        if failure is not None:
            self.call_errbacks(request, failure)
        return self.fail_from_current_stack(body_id, failure)

    def call_errbacks(self, request: Any, exc: BaseException) -> None:
        """Call the errbacks of a request, or send them."""
        links: Any = request.errbacks or ()
        for link in links if isinstance(links, list | tuple) else [links]:
            errback = self.app.signature(link)
            task = self.app.tasks.get(errback.task)
            if task is not None and task.takes_error:
                errback(request, exc, None)
            else:
                errback.apply_async((request.id,), parent_id=request.id)


#: Options that say where a call goes.
_WAYS = ("queue", "exchange", "routing_key")
