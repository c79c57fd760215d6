"""From signatures to messages, many at a time: what their tasks say is looked up once."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...application.context import running
from ...domain.canvas.signature import Signature as Plain
from ...domain.canvas.signature import checked
from ...domain.tasks.options import merged
from .asking import asked, is_to_be_asked

if TYPE_CHECKING:
    from ...domain.messaging.message import TaskMessage
    from .app import Celeriac
    from .canvas import Signature
    from .task import Task


class _Said(NamedTuple):
    """What a task says of its calls, if there is such a task here."""

    #: The task where its own `apply_async` is to be asked.
    asked: "Task[Any, Any] | None" = None
    #: Raises TypeError for arguments that it cannot be called with.
    check: Callable[[Sequence[Any], Mapping[str, Any]], None] | None = None
    options: Mapping[str, Any] | None = None


class Composing:
    """Makes the messages of one batch, as the task that runs here would send them, if one does."""

    def __init__(self, app: "Celeriac") -> None:
        """Make them for an app."""
        self._app = app
        self._message = app.sending.message
        self._said: dict[str, _Said] = {}
        self._frame = running()

    def of_signature(self, call: "Signature") -> "TaskMessage":
        """Make the message of a call. Raises ValueError for what is none."""
        args, kwargs, options = call.get("args"), call.get("kwargs"), call.get("options")
        if type(args) is tuple and type(kwargs) is dict and type(options) is dict:
            return self._made(call["task"], args, kwargs, options)  # made here: it is whole
        known = checked(call)
        return self._made(
            known["task"],
            tuple(known.get("args") or ()),
            dict(known.get("kwargs") or ()),
            dict(known.get("options") or ()),
        )

    def of(self, call: Plain) -> "TaskMessage":
        """Make the message of a call."""
        return self._made(call.task, call.args, call.kwargs, call.options)

    def _made(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> "TaskMessage":
        said = self._said.get(name)
        if said is None:
            said = self._said[name] = self._look_up(name)
        own = said.asked and asked(self._app, said.asked, args, kwargs, options)
        if own:
            args, kwargs, options = own
        else:
            if said.check is not None:
                said.check(args, kwargs)
            if said.options:
                options = merged(said.options, options)
        if self._frame is not None:
            inherit = self._app.conf.task_inherit_parent_priority
            options = of_this_run(self._frame, options, inherit)
        return self._message(name, args, kwargs, options)

    def _look_up(self, name: str) -> _Said:
        task = self._app.tasks.get(name)
        if task is None:
            return _Said()
        typed = self._app.strict_typing and task.typing is not False
        ignored = {"ignore_result": True} if task.resolved.ignore_result else None
        return _Said(
            task if is_to_be_asked(self._app, task) else None,
            task.check_arguments if typed else None,
            merged(task.resolved.call_defaults, ignored),
        )


def of_this_run(
    frame: Any, options: Mapping[str, Any], inherit_priority: bool
) -> Mapping[str, Any]:
    """Add to the options of a call what it inherits from the task that makes it."""
    request = frame[1]
    if request.id is None:
        return options
    inherited: dict[str, Any] = {"parent_id": request.id, "root_id": request.root_id or request.id}
    if inherit_priority and request.delivery_info:
        inherited["priority"] = request.delivery_info.get("priority")
    return {
        **inherited,
        **{k: v for k, v in options.items() if v is not None or k not in inherited},
    }
