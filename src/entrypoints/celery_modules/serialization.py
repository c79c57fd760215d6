"""`celery.utils.serialization`: exceptions and values made fit to travel."""

import base64
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import takewhile
from numbers import Real
from typing import Any

from ...domain.tasks.failures import stand_in

STRTOBOOL_DEFAULT_TABLE = {
    "false": False,
    "no": False,
    "0": False,
    "off": False,
    "true": True,
    "yes": True,
    "1": True,
    "on": True,
}
#: Classes that say nothing of an exception.
unwanted_base_classes = (Exception, BaseException, object)


def subclass_exception(name: str, parent: type, module: str) -> type:
    """Make an exception class."""
    return type(name, (parent,), {"__module__": module})


def create_exception_cls(name: str, module: str, parent: Any = None) -> type[BaseException]:
    """Make an exception class of a name."""
    return stand_in(name, module) if parent is None else type(name, (parent,), {})


def itermro(cls: type, stop: Iterable[type]) -> Iterator[type]:
    """Yield a class and those above it, up to one of `stop`."""
    return takewhile(lambda sup: sup not in stop, cls.mro())


def find_pickleable_exception(
    exc: BaseException,
    loads: Callable[[bytes], Any] = pickle.loads,
    dumps: Callable[[Any], bytes] = pickle.dumps,
) -> BaseException | None:
    """Return the exception as the nearest class above its own that can be pickled, or None."""
    args = getattr(exc, "args", [])
    for sup in itermro(type(exc), unwanted_base_classes):
        try:
            made: BaseException = sup(*args)
            loads(dumps(made))
        except Exception:  # noqa: S112 - whatever is wrong with it, the next may do
            continue
        return made
    return None


def get_pickleable_etype(
    cls: type,
    loads: Callable[[bytes], Any] = pickle.loads,
    dumps: Callable[[Any], bytes] = pickle.dumps,
) -> type:
    """Return the nearest class that can be pickled, the class itself included."""
    for sup in itermro(cls, unwanted_base_classes):
        try:
            loads(dumps(sup))
        except Exception:  # noqa: S112 - whatever is wrong with it, the next may do
            continue
        return sup
    return Exception


class UnpickleableExceptionWrapper(Exception):
    """Stands for an exception that cannot be pickled."""

    #: Module and name of its class, and its arguments: by repr where they cannot be pickled.
    exc_module: str = ""
    exc_cls_name: str = ""
    exc_args: Any = ()

    def __init__(
        self, exc_module: str, exc_cls_name: str, exc_args: Any, text: str | None = None
    ) -> None:
        """Hold what it was."""
        safe = ensure_serializable(exc_args, pickle.dumps)
        super().__init__(exc_module, exc_cls_name, safe, text)
        self.exc_module, self.exc_cls_name, self.exc_args = exc_module, exc_cls_name, safe
        self.text = text

    def restore(self) -> BaseException:
        """Return an exception of a class of that name."""
        return create_exception_cls(self.exc_cls_name, self.exc_module)(*self.exc_args)

    @classmethod
    def from_exception(cls, exc: BaseException) -> "UnpickleableExceptionWrapper":
        """Wrap an exception."""
        kind = type(exc)
        return cls(kind.__module__, kind.__name__, getattr(exc, "args", []), repr(exc))

    def __str__(self) -> str:
        """Show what it was."""
        return str(self.text)


def get_pickleable_exception(exc: BaseException) -> BaseException:
    """Return the exception, or what stands for it and can be pickled."""
    try:
        pickle.loads(pickle.dumps(exc))  # noqa: S301 - pickled here, just now
    except Exception:
        return find_pickleable_exception(exc) or UnpickleableExceptionWrapper.from_exception(exc)
    return exc


def get_pickled_exception(exc: BaseException) -> BaseException:
    """Return the exception that a wrapper stands for."""
    return exc.restore() if isinstance(exc, UnpickleableExceptionWrapper) else exc


def ensure_serializable(items: Iterable[Any], encoder: Callable[[Any], Any]) -> tuple[Any, ...]:
    """Return the items; those that cannot be encoded as their repr."""
    return tuple(_encodable(item, encoder) for item in items)


def _encodable(item: Any, encoder: Callable[[Any], Any]) -> Any:
    try:
        encoder(item)
    except Exception:
        return repr(item)
    return item


def b64encode(s: str | bytes) -> str:
    """Return bytes (a text's are its UTF-8) in base 64."""
    return base64.b64encode(s.encode() if isinstance(s, str) else s).decode()


def b64decode(s: str | bytes) -> bytes:
    """Return the bytes of base 64."""
    return base64.b64decode(s)


def strtobool(term: Any, table: Mapping[str, bool] | None = None) -> Any:
    """Return what a word such as `yes` means; what is no text as it is. Raises TypeError."""
    if not isinstance(term, str):
        return term
    try:
        return (table or STRTOBOOL_DEFAULT_TABLE)[term.lower()]
    except KeyError:
        raise TypeError(f"{term!r} is neither true nor false") from None


def jsonify(
    obj: Any,
    builtin_types: tuple[type, ...] = (Real, str),
    key: str | None = None,
    keyfilter: Callable[[Any], bool] | None = None,
    unknown_type_filter: Callable[..., Any] | None = None,
) -> Any:
    """Return a value as what JSON has words for. Raises ValueError."""
    again = partial(
        jsonify,
        builtin_types=builtin_types,
        keyfilter=keyfilter,
        unknown_type_filter=unknown_type_filter,
    )
    match obj:
        case None:
            return None
        case _ if isinstance(obj, builtin_types):
            return obj
        case list() | tuple():
            return [again(item) for item in obj]
        case dict():
            wanted = ((k, v) for k, v in obj.items() if keyfilter is None or keyfilter(k))
            return {k: again(v, key=k) for k, v in wanted}
        case datetime() | date() | time():
            return _in_milliseconds(obj)
        case timedelta():
            return str(obj)
    if unknown_type_filter is None:
        raise ValueError(f"cannot say {type(obj)} in JSON: {obj!r} {key!r}")
    return unknown_type_filter(obj)


def _in_milliseconds(moment: datetime | date | time) -> str:
    text = moment.isoformat()
    if isinstance(moment, datetime) and moment.microsecond:
        text = text[:23] + text[26:]
    elif isinstance(moment, time) and moment.microsecond:
        text = text[:12]
    return f"{text.removesuffix('+00:00')}Z" if text.endswith("+00:00") else text


def raise_with_context(exc: BaseException) -> None:
    """Raise an exception from the one being handled."""
    import sys

    raised = sys.exc_info()[1]
    if raised is None or raised is exc:
        raise exc
    raise exc from raised
