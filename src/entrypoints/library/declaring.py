"""Declaring tasks: what `@app.task` and `@shared_task` make of a function, and how it is named."""

import os
import sys
from collections.abc import Callable, Coroutine
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Final,
    Literal,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    overload,
)

from . import current
from .registry import refuse_names_of_flows
from .task import Task

if TYPE_CHECKING:
    from .app import Celeriac

#: Options that may be functions of a call's arguments.
KEYS: Final = ("concurrency_key", "unique")

P = ParamSpec("P")
R = TypeVar("R")


def make_task(
    app: "Celeriac",
    fun: Callable[..., Any],
    name: str | None = None,
    base: type[Task[Any, Any]] | None = None,
    bind: bool = False,
    shared: bool = True,
    lazy: bool = True,
    **opts: Any,
) -> Task[Any, Any]:
    """Make a task of a function and register it; one of that name is left as it is."""
    name = name or app.gen_task_name(fun.__name__, fun.__module__)
    known = app.tasks.get(name)
    if known is not None:
        refuse_names_of_flows(name)
        return known
    beside: dict[str, Any] = {}
    body = fun
    if opts.pop("pydantic", False):
        from .models import with_models  # only tasks with models pay for it

        said = {key: opts.pop(f"pydantic_{key}", None) for key in ("context", "dump_kwargs")}
        strict = bool(opts.pop("pydantic_strict", False))
        parent = base or app.task_cls
        body, beside = with_models(app, fun, name, parent, bind, strict=strict, **said)
    for key in KEYS:
        if callable(opts.get(key)):
            opts[key] = staticmethod(opts[key])  # called with the arguments of a call alone
    cls = type(
        fun.__name__,
        (base or app.task_cls,),
        {
            "name": name,
            "run": body if bind else staticmethod(body),
            "abstract": False,
            "__doc__": fun.__doc__,
            "__module__": fun.__module__,
            "__wrapped__": staticmethod(fun),
            "__annotations__": dict(getattr(fun, "__annotations__", {})),
            **beside,
            **opts,
        },
    )
    task = cast("Task[Any, Any]", cls())
    task.__dict__["__name__"] = fun.__name__
    task.__dict__["__qualname__"] = getattr(fun, "__qualname__", fun.__name__)
    return app.register_task(task)


class Decorator(Protocol):
    """Types of `@app.task(...)`."""

    @overload
    def __call__(self, fun: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fun: Callable[P, R], /) -> Task[P, R]: ...


class BoundDecorator(Protocol):
    """Types of `@app.task(bind=True, ...)`: the first parameter is the task itself."""

    @overload
    def __call__(
        self, fun: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]], /
    ) -> Task[P, R]: ...
    @overload
    def __call__(self, fun: Callable[Concatenate[Any, P], R], /) -> Task[P, R]: ...


@overload
def shared_task(fun: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
@overload
def shared_task(fun: Callable[P, R], /) -> Task[P, R]: ...
@overload
def shared_task(*, bind: Literal[True], **opts: Any) -> BoundDecorator: ...
@overload
def shared_task(*, bind: Literal[False] = ..., **opts: Any) -> Decorator: ...


def shared_task(*args: Any, **opts: Any) -> Any:
    """Make a task that every app has, those made later included; the current app's answers."""
    if len(args) == 1 and callable(args[0]):
        return _shared(args[0], opts)
    return lambda fun: _shared(fun, opts)


def _shared(fun: Callable[..., Any], opts: dict[str, Any]) -> Any:
    name = opts.get("name")

    def make(app: "Celeriac") -> Task[Any, Any]:
        return make_task(app, fun, **opts)

    def find() -> Task[Any, Any]:
        app = current.get_current()
        known = app.tasks.get(name or app.gen_task_name(fun.__name__, fun.__module__))
        return known or make(app)

    current.share(make)
    return current.Proxy(find)


def script_module() -> str:
    """Return the importable name of the script that runs as `__main__`."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name != "__main__":
        return str(spec.name).removesuffix(".__main__")
    path = getattr(main, "__file__", None)
    return os.path.splitext(os.path.basename(path))[0] if path else "__main__"
