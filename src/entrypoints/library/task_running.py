"""A task while it runs: its request, its body, what it says of itself, and what is called."""

from collections.abc import Mapping, Sequence
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

from ...application.context import RUNNING, Context
from .task_attributes import TaskAttributes

if TYPE_CHECKING:
    from .canvas import Signature
    from .results import AsyncResult
    from .task import Task

P = ParamSpec("P")
R = TypeVar("R")


class RunningTask(TaskAttributes, Generic[P, R]):
    """What a task can ask and do while it runs."""

    @property
    def request(self) -> Context:
        """What this run knows of its own call."""
        frame = RUNNING.get()
        while frame is not None:
            if frame[0] is self:
                return frame[1]
            frame = frame[2]
        if self._blank is None:
            self._blank = Context()
        return self._blank

    def replace(self, sig: "Signature") -> Any:
        """Have another call or work-flow run in this one's stead; nothing after it is executed.

        It gets this call's id, place in chain and chord, callbacks and errbacks: whoever waits for
        this task waits for that one. Write `return self.replace(…)`, so that the reader sees it.

        Raises:
            Ignore: Always, within a worker.
            ImproperlyConfigured: It is an empty chain, or part of a chord already.
        """
        return self.on_replace(sig)

    def on_replace(self, sig: "Signature") -> Any:
        """Handler of `replace`, before this call is left: return what its super returns."""
        from .replacing import replace_running

        return replace_running(cast("Task[..., Any]", self), sig)

    def add_to_chord(self, sig: "Signature", lazy: bool = False) -> Any:
        """Add a call to the chord that this one is a header task of; returns its result.

        It is sent when this task comes to its end, in one step with that. With `lazy` the chord
        waits for it from now on, and the signature is returned for you to send.

        Raises:
            ValueError: This call is in no chord.
            NotSupported: Its chord is polled for (`result_chord_polling`).
        """
        from .replacing import add_to_running_chord

        return add_to_running_chord(cast("Task[..., Any]", self), sig, lazy=lazy)

    def update_state(
        self,
        task_id: str | None = None,
        state: str | None = None,
        meta: Any = None,
        **kwargs: Any,
    ) -> None:
        """Store a state of its own for this run, or for another task's id."""
        request = self.request
        say = getattr(request, "_say", None)
        if say is not None and task_id in (None, request.id):
            say(state, meta)
            return
        task_id = task_id or request.id
        if not task_id:
            raise ValueError(
                f"{self.name}: there is no run to report on: call update_state within a task that "
                "was sent, or name a task_id"
            )
        if not request.is_eager:
            self.app.store_state(task_id, state or "", meta)

    def add_trail(self, result: "AsyncResult[Any]") -> "AsyncResult[Any]":
        """Note something sent as a child of this run."""
        if self.trail:
            self.request.children.append(result.as_tuple())
        return result

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the body here and now, as an ordinary function."""
        frame = RUNNING.get()
        if frame is not None and frame[0] is self and not getattr(frame[1], "_entered", True):
            # A worker runs it through a `__call__` of the user's: it is one call, not two.
            frame[1]._entered = True  # type: ignore[attr-defined]
            return cast(R, self.run(*args, **kwargs))
        around = RUNNING.set((self, Context(args=args, kwargs=kwargs), frame))
        try:
            return cast(R, self.run(*args, **kwargs))
        finally:
            RUNNING.reset(around)

    def enter(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the body in the context that stands already; a coroutine is run to its end."""
        value = self._call_body(args, kwargs)
        if not isinstance(value, CoroutineType):
            return value
        from ...application import event_loop

        return event_loop.run(value)

    async def enter_async(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the body in the context that stands already, on the running loop."""
        value = self._call_body(args, kwargs)
        return await value if isinstance(value, CoroutineType) else value

    def _call_body(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if type(self).__call__ is RunningTask.__call__:
            return self.run(*args, **kwargs)
        self.request._entered = False  # type: ignore[attr-defined]
        call: Any = self
        return call(*args, **kwargs)

    @property
    def is_coroutine(self) -> bool:
        """Whether the body is an `async def`."""
        if self._is_coroutine is None:
            import inspect  # costs megabytes, and only a pool with a loop asks

            self._is_coroutine = inspect.iscoroutinefunction(inspect.unwrap(self.run))
        return self._is_coroutine

    # -- handlers, for users to override

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Called before the body."""

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """Called when the body returned."""

    def on_retry(
        self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Called when the body asked for a retry."""

    def on_failure(
        self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Called when the body raised."""

    def after_return(
        self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Called last, whatever came of the run."""

    def shadow_name(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> str | None:
        """Return another name for logs, or None."""
        return None
