"""What a task's own `apply_async` makes of a call that is sent without it.

Members of groups, links of chains, callbacks, retries and periodic tasks travel in batches: none is
sent by a call of `apply_async`. Where that method is somebody's own, a base class's that adds a
header or a patch of those who trace, it is called all the same, and what it would have sent is
taken instead of being sent.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .app import Celeriac

Call = tuple[Sequence[Any], Mapping[str, Any], Mapping[str, Any]]


class Question:
    """What would be sent of one task."""

    __slots__ = ("_name", "found")

    def __init__(self, name: str) -> None:
        """Ask for a task by its name."""
        self._name = name
        self.found: Call | None = None

    def answer(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> bool:
        """Take a call instead of its being sent; False for another's, which is to be sent."""
        if name != self._name or self.found is not None:
            return False
        self.found = args, kwargs, options
        return True


#: What is asked in this context.
ASKED: Final[ContextVar[Question | None]] = ContextVar("celeriac_asked", default=None)


def asked(
    app: "Celeriac",
    task: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Call | None:
    """Return a call as the task would send it, its defaults included; None: it has nothing to say.

    An `apply_async` that does not go on to Celery's own, say because such a call is on its way
    already, is not asked to withhold a part of a work-flow: that is sent as it is. Raises what it
    raises.
    """
    if not is_to_be_asked(app, task):
        return None
    question = Question(task.name)
    before = ASKED.set(question)
    try:
        task.apply_async(tuple(args), dict(kwargs), **options)
    finally:
        ASKED.reset(before)
    return question.found


def is_to_be_asked(app: "Celeriac", task: Any) -> bool:
    """Tell whether anything that is not ours stands between a call of the task and its sending."""
    from .task import APPLY_ASYNC

    own = type(task).apply_async is not APPLY_ASYNC or "apply_async" in vars(task)
    return (own or app.has_own_send_task) and not app.conf.task_always_eager
