"""`celery.utils.functional`: small functions over functions and iterables."""

import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial, wraps
from itertools import islice
from typing import Any, Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V")

__all__ = [
    "DummyContext",
    "LRUCache",
    "arity_greater",
    "chunks",
    "dictfilter",
    "evaluate_promises",
    "first",
    "firstmethod",
    "fun_accepts_kwargs",
    "fun_takes_argument",
    "head_from_fun",
    "is_list",
    "is_numeric_value",
    "lazy",
    "lookahead",
    "mattrgetter",
    "maybe",
    "maybe_evaluate",
    "maybe_list",
    "memoize",
    "mlazy",
    "noop",
    "padlist",
    "pass1",
    "regen",
    "seq_concat_item",
    "seq_concat_seq",
    "uniq",
]


class DummyContext(AbstractContextManager[None]):
    """A context that does nothing."""

    def __exit__(self, *exc: object) -> None:
        """Do nothing."""


class LRUCache(OrderedDict[K, V], Generic[K, V]):
    """A dict that forgets what was not used for longest. Without a limit it forgets nothing."""

    def __init__(self, limit: int | None = None) -> None:
        """Hold up to `limit` items."""
        super().__init__()
        self.limit = limit

    def __getitem__(self, key: K) -> V:
        """Return an item, and remember that it was used."""
        value = super().__getitem__(key)
        self.move_to_end(key)
        return value

    def __setitem__(self, key: K, value: V) -> None:
        """Set an item; the limit may cost the oldest."""
        super().__setitem__(key, value)
        self.move_to_end(key)
        if self.limit and len(self) > self.limit:
            self.popitem(last=False)


class lazy:
    """A call to be made when somebody asks."""

    def __init__(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Keep the call."""
        self._fun, self._args, self._kwargs = fun, args, kwargs

    def __call__(self) -> Any:
        """Make it."""
        return self.evaluate()

    def evaluate(self) -> Any:
        """Make it."""
        return self._fun(*self._args, **self._kwargs)

    def __str__(self) -> str:
        """Show what it gives."""
        return str(self())

    def __repr__(self) -> str:
        """Show what it gives."""
        return repr(self())

    def __eq__(self, other: object) -> bool:
        """Compare what it gives."""
        return bool(self() == other)

    __hash__ = None  # type: ignore[assignment]


class mlazy(lazy):
    """A call that is made once, and its value kept."""

    evaluated = False
    _value: Any = None

    def evaluate(self) -> Any:
        """Return the value, making the call if it was not made."""
        if not self.evaluated:
            self._value = super().evaluate()
            self.evaluated = True
        return self._value


def noop(*args: Any, **kwargs: Any) -> None:
    """Do nothing."""


def pass1(arg: T, *args: Any, **kwargs: Any) -> T:
    """Return the first argument."""
    return arg


def maybe(typ: Callable[[Any], T], val: Any) -> T | None:
    """Convert a value; None stays None."""
    return None if val is None else typ(val)


def maybe_evaluate(value: Any) -> Any:
    """Return what a lazy call gives; other values as they are."""
    return value.evaluate() if isinstance(value, lazy) else value


def evaluate_promises(it: Iterable[Any]) -> Iterator[Any]:
    """Yield items, lazy calls made."""
    return (maybe_evaluate(value) for value in it)


def is_list(
    obj: Any,
    scalars: tuple[type, ...] = (Mapping, str),
    iters: tuple[type, ...] = (Iterable,),
) -> bool:
    """Tell whether something is iterable and counts as many, not as one."""
    return isinstance(obj, iters) and not isinstance(obj, scalars or ())


def maybe_list(obj: Any, scalars: tuple[type, ...] = (Mapping, str)) -> Any:
    """Return a list of one, if it is one; None stays None."""
    return obj if obj is None or is_list(obj, scalars) else [obj]


def is_numeric_value(value: Any) -> bool:
    """Tell whether something is a number, which a bool is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def dictfilter(d: Mapping[str, Any] | None = None, **kw: Any) -> dict[str, Any]:
    """Return the items whose value is not None."""
    return {key: value for key, value in {**(d or {}), **kw}.items() if value is not None}


def first(predicate: Callable[[Any], Any] | None, it: Iterable[T]) -> T | None:
    """Return the first item that fits (without a predicate: that is not None), else None."""
    fits = predicate or (lambda item: item is not None)
    return next((item for item in it if fits(item)), None)


def firstmethod(method: str, on_call: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Return a function that calls this method of each object until one answers."""

    def call(it: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        for obj in it:
            found = getattr(maybe_evaluate(obj), method)
            answer = on_call(found, *args, **kwargs) if on_call else found(*args, **kwargs)
            if answer is not None:
                return answer
        return None

    return call


def chunks(it: Iterator[T], n: int) -> Iterator[list[T]]:
    """Yield lists of up to `n` items."""
    it = iter(it)
    while some := list(islice(it, n)):
        yield some


def lookahead(it: Iterable[T]) -> Iterator[tuple[T, T | None]]:
    """Yield each item with the one behind it; None behind the last."""
    items = iter(it)
    for present in items:
        for following in items:
            yield present, following
            present = following
        yield present, None


def padlist(container: Sequence[Any], size: int, default: Any = None) -> list[Any]:
    """Return `size` items, those that lack being the default."""
    return [*container[:size], *[default] * max(0, size - len(container))]


def mattrgetter(*attrs: str) -> Callable[[Any], dict[str, Any]]:
    """Return a function that gives these attributes of an object, None where it has none."""
    return lambda obj: {attr: getattr(obj, attr, None) for attr in attrs}


def uniq(it: Iterable[T]) -> Iterator[T]:
    """Yield each item once, in the order of its first coming."""
    return iter(dict.fromkeys(it))


def seq_concat_item(seq: Any, item: Any) -> Any:
    """Return the sequence with an item behind it, in its own type."""
    return (*seq, item) if isinstance(seq, tuple) else [*seq, item]


def seq_concat_seq(a: Any, b: Any) -> Any:
    """Return two sequences as one, in the first one's type."""
    return type(a)([*a, *b])


def memoize(
    maxsize: int | None = None, keyfun: Callable[..., Any] | None = None, Cache: Any = LRUCache
) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Return a decorator that remembers what a function returned for its arguments."""

    def decorate(fun: Callable[..., T]) -> Callable[..., T]:
        known: Any = Cache(maxsize) if Cache is LRUCache else Cache(limit=maxsize)

        @wraps(fun)
        def call(*args: Any, **kwargs: Any) -> T:
            key = keyfun(args, kwargs) if keyfun else (args, tuple(sorted(kwargs.items())))
            try:
                value: T = known[key]
            except KeyError:
                value = known[key] = fun(*args, **kwargs)
            return value

        call.clear = known.clear  # type: ignore[attr-defined]
        call.original_func = fun  # type: ignore[attr-defined]
        return call

    return decorate


def regen(it: Iterable[T]) -> Sequence[T]:
    """Return a sequence that may be walked through often; lists and tuples are theirs already."""
    return it if isinstance(it, list | tuple) else _Regenerated(it)


class _Regenerated(Sequence[Any]):
    """Items of an iterator, taken from it as they are needed and kept."""

    def __init__(self, it: Iterable[Any]) -> None:
        self._rest, self._taken = iter(it), list[Any]()

    def __iter__(self) -> Iterator[Any]:
        at = 0
        while True:
            if at == len(self._taken):
                try:
                    self._taken.append(next(self._rest))
                except StopIteration:
                    return
            yield self._taken[at]
            at += 1

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __reduce__(self) -> Any:
        return list, (list(self),)


def fun_takes_argument(name: str, fun: Callable[..., Any], position: int | None = None) -> bool:
    """Tell whether a function takes an argument of that name, or so many."""
    parameters = inspect.signature(fun).parameters.values()
    kinds = {parameter.kind for parameter in parameters}
    if inspect.Parameter.VAR_KEYWORD in kinds or inspect.Parameter.VAR_POSITIONAL in kinds:
        return True
    names = [parameter.name for parameter in parameters]
    return name in names or (position is not None and len(names) >= position)


def fun_accepts_kwargs(fun: Callable[..., Any]) -> bool:
    """Tell whether a function accepts any keyword argument."""
    parameters = inspect.signature(fun).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def head_from_fun(fun: Callable[..., Any], bound: bool = False) -> Callable[..., int]:
    """Return a function that takes the same arguments and does nothing.

    It raises TypeError for others. Methods and callable objects take `self` first; with `bound` it
    is given already.
    """
    what: Any = fun
    if not (inspect.isfunction(what) or inspect.ismethod(what) or inspect.isbuiltin(what)):
        what = type(fun).__call__
    signature = inspect.signature(getattr(what, "__func__", what), follow_wrapped=False)

    def head(*args: Any, **kwargs: Any) -> int:
        signature.bind(*args, **kwargs)
        return 1

    head.__signature__ = signature  # type: ignore[attr-defined]
    head.__name__ = getattr(fun, "__name__", type(fun).__name__)
    head.__module__ = getattr(fun, "__module__", __name__)
    return partial(head, object()) if bound else head


def arity_greater(fun: Callable[..., Any], n: int) -> bool:
    """Tell whether a function can take more than `n` positional arguments."""
    parameters = inspect.signature(fun).parameters.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) > n or any(p.kind is p.VAR_POSITIONAL for p in parameters)
