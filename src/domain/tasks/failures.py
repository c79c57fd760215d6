"""Exceptions as data: what is stored of one, and what is made of it again.

The layout is Celery's: `{"exc_type": qualified name, "exc_message": [args], "exc_module": module}`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

#: Where Celery readers look for the exceptions both know; ours live elsewhere in memory.
_PUBLIC_MODULE: Final = "celery.exceptions"
_PRIVATE_SUFFIX: Final = ".domain.errors"

_PLAIN = (str, int, float, bool, type(None))

#: How deep arguments are looked into; one that contains itself has no bottom.
_DEEPEST: Final = 16


def describe(exc: BaseException) -> dict[str, Any]:
    """Return the stored form of an exception; arguments that are not plain become their repr."""
    cls = type(exc)
    return {
        "exc_type": cls.__qualname__,
        "exc_message": [_plain(arg) for arg in exc.args],
        "exc_module": public_module(cls.__module__),
    }


def public_module(module: str) -> str:
    """Return the name a class's module has for readers of stored results."""
    return _PUBLIC_MODULE if module.endswith(_PRIVATE_SUFFIX) else module


def summary(exc: BaseException) -> str:
    """Return the repr of an exception, whatever its own repr does."""
    return _safely(repr, exc)


def restore(
    stored: Mapping[str, Any], find: Callable[[str, str], type[BaseException] | None]
) -> BaseException:
    """Make an exception of its stored form.

    `find(module, name)` looks the class up among loaded modules. A class that is not there, or
    that cannot be called with the stored arguments, is replaced by one of the same name.
    """
    name = str(stored.get("exc_type") or "Exception")
    module = str(stored.get("exc_module") or "")
    args = stored.get("exc_message")
    args = tuple(args) if isinstance(args, list | tuple) else (args,)
    cls = find(module, name) or stand_in(name, module)
    try:
        return cls(*args)
    except Exception:
        return stand_in(name, module)(*args)


def stand_in(name: str, module: str) -> type[BaseException]:
    """Make a class that carries the name of one which cannot be had here."""
    members = {"__module__": module or _PUBLIC_MODULE}
    try:
        return type(name.rpartition(".")[2], (Exception,), members)
    except ValueError:  # null characters, lone surrogates: no name a class may have
        return type(ascii(name), (Exception,), members)


def _plain(arg: object, depth: int = 0) -> Any:
    if isinstance(arg, _PLAIN):
        return arg
    if depth < _DEEPEST and isinstance(arg, list | tuple):
        return [_plain(item, depth + 1) for item in arg]
    if depth < _DEEPEST and isinstance(arg, dict):
        return {_safely(str, key): _plain(value, depth + 1) for key, value in arg.items()}
    return _safely(repr, arg)


def _safely(render: Callable[[object], str], value: object) -> str:
    try:
        return render(value)
    except Exception as broken:
        return f"<{type(value).__name__}: its repr raised {type(broken).__name__}>"
