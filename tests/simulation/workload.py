"""What the simulated cluster is asked to do: nothing, well, badly, late or for long."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from celeriac.application.context import Context, running
from celeriac.domain.canvas.signature import Signature
from celeriac.domain.errors import ReplacedBy, Retry
from celeriac.domain.tasks.options import TaskOptions

from .flows import replacement

MAX_CRASHES: Final = 3

#: Seconds a run takes; what is not named takes none.
DURATIONS: Final = {"long": 40.0, "long_late": 40.0, "slow": 2.0, "endless": 1e6}

OPTIONS: Final = {
    options.name: options
    for options in (
        TaskOptions("plain"),
        TaskOptions("late", acks_late=True),
        TaskOptions("slow"),
        TaskOptions("tracked", track_started=True),
        TaskOptions("long"),
        TaskOptions("long_late", acks_late=True),
        TaskOptions("endless", time_limit=10.0),
        TaskOptions("limited", rate_limit="2/s"),
        TaskOptions("fails"),
        TaskOptions("flaky", max_retries=2),
        # These two end the process they run in.
        TaskOptions("bomb"),
        TaskOptions("poison", acks_late=True),
        TaskOptions("becomes", acks_late=True),
        TaskOptions("adds", acks_late=True),
        TaskOptions("errback"),
        TaskOptions("tick", acks_late=True),
    )
}
DEADLY: Final = frozenset({"bomb", "poison"})


class SimulatedTask:
    """One of the above, as the runner needs it."""

    takes_error = False

    def __init__(self, options: TaskOptions) -> None:
        self.resolved = options

    def enter(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        frame = running()
        assert frame is not None
        match self.resolved.name:
            case "fails":
                raise KeyError("simulated")
            case "flaky" if frame[1].retries < 2:
                raise Retry(when=5.0)
            case "becomes" if frame[1].replaced_task_nesting < 3:
                raise ReplacedBy(replacement(frame[1].replaced_task_nesting).to_dict())
            case "adds" if frame[1].chord:
                self._add(frame[1])
        return frame[1].retries

    def _add(self, context: Context) -> None:
        place = {
            "group_id": context.group,
            "group_index": context.group_index,
            "chord": context.chord,
        }
        context.__dict__["_add_to_chord"](Signature("late", immutable=True, options=place))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.enter(args, kwargs)

    def retry_of(self, exc: BaseException) -> None:
        return None

    def accepts(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        return None

    def _heard(self, *told: Any) -> None:
        """Handlers have nothing to do here."""

    before_start = on_success = on_failure = on_retry = after_return = _heard


TASKS: Final = {name: SimulatedTask(options) for name, options in OPTIONS.items()}
