"""`@app.task(pydantic=True)`: parameters and results that are models of pydantic.

A call travels as plain data; the body gets what its annotations name, checked.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from ...domain.errors import MissingExtra

if TYPE_CHECKING:
    from .app import Celeriac


class Models:
    """The models in the annotations of one function.

    Args:
        app: The app, which validators find as `celery_app` in their context.
        fun: The function.
        name: Its task's name, which validators find as `celery_task_name`.
        strict: Whether values must have the very types of the fields.
        context: What validators find beside.
        dump_kwargs: Arguments of `model_dump`.
    """

    def __init__(
        self,
        app: "Celeriac",
        fun: Callable[..., Any],
        name: str,
        *,
        strict: bool = False,
        context: Mapping[str, Any] | None = None,
        dump_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self._base, self._fun, self._strict = _base_model(name), fun, strict
        self._context = {**(context or {}), "celery_app": app, "celery_task_name": name}
        self._dump = {"mode": "json", **(dump_kwargs or {})}
        self._signature = inspect.signature(fun)
        self._hints: Mapping[str, Any] | None = None

    def wrapped(self) -> Callable[..., Any]:
        """Return the function as it takes and returns plain data."""
        fun = self._fun

        @wraps(fun)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            bound = self._validated(args, kwargs)
            return self._returned(await fun(*bound.args, **bound.kwargs))

        @wraps(fun)
        def run(*args: Any, **kwargs: Any) -> Any:
            bound = self._validated(args, kwargs)
            return self._returned(fun(*bound.args, **bound.kwargs))

        return run_async if inspect.iscoroutinefunction(fun) else run

    def dumped(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], *, bound: bool
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return a call's arguments with models as plain data.

        A model that would not be the same again where the task runs is left as it is.
        """
        models = (*args, *kwargs.values())
        if not any(isinstance(value, self._base) for value in models):
            return args, kwargs
        names = [p.name for p in self._signature.parameters.values() if p.kind in _POSITIONAL]
        names = names[1:] if bound else names
        known = [*names, *[None] * max(0, len(args) - len(names))]
        return (
            tuple(self._plain(name, value) for name, value in zip(known, args, strict=False)),
            {name: self._plain(name, value) for name, value in kwargs.items()},
        )

    def _plain(self, name: str | None, value: Any) -> Any:
        model = self._model(name) if isinstance(value, self._base) else None
        if model is None or hasattr(type(value), "__json__"):
            return value
        try:
            plain = value.model_dump(**self._dump)
            same = self._validate(model, plain) == value
        except Exception:  # validators of the user's, some of which may work with a worker only
            return value
        return plain if same else value

    def _validated(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        bound = self._signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            model = self._model(name, optional=value is None)
            if model is not None:
                bound.arguments[name] = self._validate(model, value)
        return bound

    def _validate(self, model: Any, value: Any) -> Any:
        return model.model_validate(value, strict=self._strict, context=self._context)

    def _returned(self, value: Any) -> Any:
        model = self._model("return") if isinstance(value, self._base) else None
        fits = model is not None and isinstance(value, model)
        return value.model_dump(**self._dump) if fits else value

    def _model(self, name: str | None, *, optional: bool = False) -> Any:
        """Return the model that a parameter is annotated with; None: another thing, or nothing.

        `optional` tells that it is None: that is no model where it may be None.
        """
        if self._hints is None:
            self._hints = _hints(self._fun)  # late: a module may name what it defines further down
        hint = self._hints.get(name or "")
        if get_origin(hint) in (Union, UnionType):
            some = [one for one in get_args(hint) if one is not NoneType]
            if len(some) == len(get_args(hint)) or len(some) != 1 or optional:
                return None
            hint = some[0]
        return hint if isinstance(hint, type) and issubclass(hint, self._base) else None


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def with_models(
    app: "Celeriac",
    fun: Callable[..., Any],
    name: str,
    base: Any,
    bind: bool,
    **options: Any,
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return a function that takes plain data, and what its task's class has beside."""
    models = Models(app, fun, name, **options)

    def apply_async(
        self: Any, args: Any = None, kwargs: Any = None, *rest: Any, **options: Any
    ) -> Any:
        """Send a call with these arguments, models as plain data; see `Task.apply_async`."""
        sound = isinstance(args, list | tuple | None) and isinstance(kwargs, Mapping | None)
        if sound and options.get("serializer") != "pickle":
            args, kwargs = models.dumped(args or (), kwargs or {}, bound=bind)
        return base.apply_async(self, args, kwargs, *rest, **options)

    return models.wrapped(), {"apply_async": apply_async}


def _base_model(name: str) -> Any:
    try:
        from pydantic import BaseModel
    except ImportError as missing:
        wanted = f"the task {name!r}, which says pydantic=True,"
        raise MissingExtra(wanted, "pydantic", "pydantic") from missing
    return BaseModel


def _hints(fun: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return get_type_hints(fun)
    except (NameError, AttributeError, TypeError):
        return dict(getattr(fun, "__annotations__", {}))
