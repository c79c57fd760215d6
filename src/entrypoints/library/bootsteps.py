"""Boot steps: what users add to a worker's start and end.

    class Announce(bootsteps.StartStopStep):
        requires = {"celery.worker.components:Pool"}

        def start(self, worker): ...
        def stop(self, worker): ...

    app.steps["worker"].add(Announce)

What must stay true: a step starts after all it requires, and ends before them.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from threading import Event
from typing import Any, ClassVar, Final, Self

from ..celery_names import our_name
from .result_graph import DependencyGraph
from .step_drawing import StepFormatter

__all__ = ["Blueprint", "ConsumerStep", "StartStopStep", "Step", "StepFormatter"]

logger = logging.getLogger("celeriac.worker")

#: States of a blueprint.
RUN: Final = 1
CLOSE: Final = 2
TERMINATE: Final = 3


class StepType(type):
    """Gives each class of steps a name: that of its module and itself."""

    name: str = ""
    requires: Any = ()

    def __new__(mcs, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> "StepType":
        """Make the class."""
        path = ".".join(filter(None, (attrs.get("__module__"), name)))
        return super().__new__(mcs, name, bases, {**attrs, "name": attrs.get("name") or path})

    def __str__(cls) -> str:
        """Return the name."""
        return cls.name

    def __repr__(cls) -> str:
        """Show name and requirements."""
        return f"step:{cls.name}{{{cls.requires!r}}}"


class Step(metaclass=StepType):
    """Something done when a worker is made. `parent` is the worker, or its consumer."""

    #: A short name, for logs.
    label: str | None = None
    #: Whether it is made only under some condition.
    conditional = False
    #: Steps, or where they are, that start before this one.
    requires: Any = ()
    #: Whether it starts after all others.
    last = False
    #: Whether it is made at all, unless `include_if` says otherwise.
    enabled = True

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        """For subclasses: look at the parent; `kwargs` are the worker's options."""

    def include_if(self, parent: Any) -> bool:
        """Tell whether it is to be made."""
        return self.enabled

    def create(self, parent: Any) -> Any:
        """For subclasses: make what the step starts and stops."""

    def include(self, parent: Any) -> bool:
        """Make it, if it is to be made."""
        if not self.include_if(parent):
            return False
        self.create(parent)
        return True

    def instantiate(self, name: Any, *args: Any, **kwargs: Any) -> Any:
        """Make an object of a class, or of where it is."""
        return resolved(name)(*args, **kwargs)

    def info(self, obj: Any) -> Any:
        """For subclasses: return facts, as a mapping."""

    @property
    def alias(self) -> str:
        """The short name."""
        return self.label or type(self).name.rpartition(".")[2]

    def __repr__(self) -> str:
        """Show the short name."""
        return f"<step: {self.alias}>"


class StartStopStep(Step):
    """A step that starts and stops what it has made."""

    #: What `create` returned.
    obj: Any = None

    def include(self, parent: Any) -> bool:
        """Make it, if it is to be made, and put it among those that are started."""
        if not self.include_if(parent):
            return False
        self.obj = self.create(parent)
        parent.steps.append(self)
        return True

    def start(self, parent: Any) -> Any:
        """Start it."""
        return self.obj.start() if self.obj else None

    def stop(self, parent: Any) -> Any:
        """Stop it."""
        return self.obj.stop() if self.obj else None

    def close(self, parent: Any) -> Any:
        """Called for each step before the first one is stopped."""

    def terminate(self, parent: Any) -> Any:
        """Stop it at once."""
        return getattr(self.obj, "terminate", self.obj.stop)() if self.obj else None


class ConsumerStep(StartStopStep):
    """A step that takes messages of its own from the broker, by consumers of kombu's.

    Only where kombu reaches the broker; `start` raises NotSupported elsewhere.
    """

    requires: Any = ("celery.worker.consumer:Connection",)
    consumers: Sequence[Any] | None = None

    def get_consumers(self, channel: Any) -> Sequence[Any]:
        """Return the consumers. To be written by subclasses."""
        raise NotImplementedError("missing get_consumers")

    # Their parent is a consumer, and by that name users' own call their super's.
    def start(self, c: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Begin to consume."""
        self.consumers = self.get_consumers(c.connection.channel())
        for consumer in self.consumers or ():
            consumer.consume()

    def stop(self, c: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Consume no more."""
        self._close(c, cancel=True)

    def shutdown(self, c: Any) -> None:
        """Let go of the channels."""
        self._close(c, cancel=False)

    def _close(self, parent: Any, *, cancel: bool) -> None:
        consumers, channels = self.consumers or (), []
        for consumer in consumers:
            if cancel:
                _ignoring_errors(consumer.cancel)
            if consumer.channel and consumer.channel not in channels:
                channels.append(consumer.channel)
        for channel in channels:
            _ignoring_errors(channel.close)


class Blueprint:
    """Steps in the order in which they start. A parent has a list `steps` of those that do."""

    name: str | None = None
    state: int | None = None
    started = 0
    default_steps: ClassVar[Iterable[Any]] = ()
    #: What draws the steps.
    GraphFormatter: ClassVar[type[StepFormatter]] = StepFormatter
    state_to_name: ClassVar[dict[int, str]] = {
        0: "initializing",
        RUN: "running",
        CLOSE: "closing",
        TERMINATE: "terminating",
    }

    def __init__(
        self,
        steps: Iterable[Any] | None = None,
        name: str | None = None,
        on_start: Callable[[], Any] | None = None,
        on_close: Callable[[], Any] | None = None,
        on_stopped: Callable[[], Any] | None = None,
    ) -> None:
        """Take steps: classes, or where they are."""
        self.name = name or self.name or f"{type(self).__module__}.{type(self).__name__}"
        self.types = {*(steps or ()), *self.default_steps}
        self.on_start, self.on_close, self.on_stopped = on_start, on_close, on_stopped
        self.shutdown_complete = Event()
        self.steps: dict[str, Any] = {}
        self.order: list[Any] = []
        self.graph = DependencyGraph()

    def apply(self, parent: Any, **kwargs: Any) -> Self:
        """Make the steps, in their order, for a parent."""
        self.steps = self.claim_steps()
        self.order = []
        for cls in self._in_order(self.steps):
            step = cls(parent, **kwargs)
            self.steps[cls.name] = step
            self.order.append(step)
        for step in self.order:
            step.include(parent)
        return self

    def claim_steps(self) -> dict[str, Any]:
        """Return the classes of the steps, by name."""
        return dict(self.load_step(step) for step in self.types)

    def ordered(self) -> list[Any]:
        """Return the classes of the steps, in their order, and have them in the graph."""
        return self._in_order(self.claim_steps())

    def load_step(self, step: Any) -> tuple[str, Any]:
        """Return name and class of a step."""
        found = resolved(step)
        return found.name, found

    def start(self, parent: Any) -> None:
        """Start the steps."""
        self.state = RUN
        if self.on_start:
            self.on_start()
        for number, step in enumerate(parent.steps, 1):
            logger.debug("%s: starting %s", self.alias, step.alias)
            self.started = number
            step.start(parent)

    def stop(self, parent: Any, close: bool = True, terminate: bool = False) -> None:
        """Stop the steps, the last one first; one that fails does not keep the others."""
        if self.state in (CLOSE, TERMINATE):
            return
        if self.state != RUN or self.started != len(parent.steps):
            self._end()
            return
        self.close(parent)
        self.state = CLOSE
        self.restart(parent, "terminate" if terminate else "stop")
        if self.on_stopped:
            self.on_stopped()
        self._end()

    def close(self, parent: Any) -> None:
        """Tell the steps that they will be stopped."""
        if self.on_close:
            self.on_close()
        self.send_all(parent, "close", "closing", reverse=False)

    def restart(
        self,
        parent: Any,
        method: str = "stop",
        description: str = "restarting",
        propagate: bool = False,
    ) -> None:
        """Call a method of all steps, the last one first."""
        self.send_all(parent, method, description, propagate=propagate)

    def send_all(
        self,
        parent: Any,
        method: str,
        description: str | None = None,
        reverse: bool = True,
        propagate: bool = True,
        args: Sequence[Any] = (),
    ) -> None:
        """Call a method of all steps that have it."""
        for step in reversed(parent.steps) if reverse else list(parent.steps):
            fun = getattr(step, method, None)
            if fun is None:
                continue
            try:
                fun(parent, *args)
            except Exception:
                if propagate:
                    raise
                logger.exception("%s: %s of step %s failed", self.alias, method, step.alias)

    def join(self, timeout: float | None = None) -> None:
        """Wait until all have been stopped."""
        self.shutdown_complete.wait(timeout)

    def info(self, parent: Any) -> dict[str, Any]:
        """Return what the steps tell of themselves."""
        found: dict[str, Any] = {}
        for step in parent.steps:
            found.update(step.info(parent) or {})
        return found

    def human_state(self) -> str:
        """Return the state in a word."""
        return self.state_to_name[self.state or 0]

    def connect_with(self, other: "Blueprint") -> None:
        """Let this one's steps come before another's, in the graph."""
        self.graph.connect(other.graph)
        self.graph.add_edge(type(other.order[0]), type(self.order[-1]))

    @property
    def alias(self) -> str:
        """The short name."""
        return str(self.name).rpartition(".")[2]

    def __getitem__(self, name: str) -> Any:
        """Return a step by its name."""
        return self.steps[name]

    def _end(self) -> None:
        self.state = TERMINATE
        self.shutdown_complete.set()

    def _in_order(self, steps: dict[str, Any]) -> list[Any]:
        """Return the classes, each after those it requires; add those that only were required."""
        waiting, needed = deque(steps.values()), dict[Any, list[Any]]()
        while waiting:
            cls = waiting.popleft()
            if cls in needed:
                continue
            needed[cls] = [resolved(one) for one in cls.requires]
            for other in needed[cls]:
                steps.setdefault(other.name, other)
                waiting.append(other)
        # By name, so that two starts are alike.
        pairs = sorted(needed.items(), key=lambda pair: pair[0].name)
        last = next((cls for cls, _ in pairs if cls.last), None)
        self.graph = DependencyGraph(
            (cls, [c for c, _ in pairs if c is not cls] if cls is last else sorted(others, key=str))
            for cls, others in pairs
        )
        self.graph.formatter = self.GraphFormatter(root=last)
        return self.graph.topsort()


def resolved(named: Any) -> Any:
    """Return what stands at `package.module:Class`; Celery's own mean ours."""
    if not isinstance(named, str):
        return named
    module, colon, name = named.rpartition(":" if ":" in named else ".")
    try:
        module = our_name(module) if module.partition(".")[0] == "celery" else module
    except KeyError:
        raise ImportError(f"step {named!r}: there is no {module} here") from None
    del colon
    return getattr(import_module(module), name)


def _ignoring_errors(act: Callable[[], Any]) -> None:
    try:
        act()
    except Exception as broken:
        logger.debug("a consumer of a step: %s", broken)
