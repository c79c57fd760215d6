"""The table of remote control commands: what each is called, what it takes, who carries it out.

A command is a function `command(state, **arguments)`; `state` is the Node that was asked. What it
returns is the answer; what it raises is answered as `{"error": repr(exception)}`. Users add their
own with `control_command` and `inspect_command`, from any module that the worker imports.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, TypeVar

Command = Callable[..., Any]
Kind = Literal["control", "inspect"]
F = TypeVar("F", bound=Command)


@dataclass(frozen=True, slots=True)
class Info:
    """What is known of a command; the fields are Celery's. `default_timeout` is seconds."""

    alias: str | None
    type: Kind
    visible: bool
    default_timeout: float
    help: str
    signature: str | None
    args: Sequence[tuple[str, Callable[[str], Any]]] | None
    variadic: str | None


class Panel:
    """All commands of this process: functions by name and alias, and what is known by name."""

    data: ClassVar[dict[str, Command]] = {}
    meta: ClassVar[dict[str, Info]] = {}

    @classmethod
    def register(cls, *args: Command, **options: Any) -> Any:
        """Add a command: `@Panel.register`, or `@Panel.register(name=…, type=…)`."""
        adding = cls._adding(**options)
        return adding(*args) if args else adding

    @classmethod
    def _adding(
        cls,
        name: str | None = None,
        alias: str | None = None,
        type: Kind = "control",  # noqa: A002 - Celery's word
        visible: bool = True,
        default_timeout: float = 1.0,
        help: str | None = None,  # noqa: A002 - Celery's word
        signature: str | None = None,
        args: Sequence[tuple[str, Callable[[str], Any]]] | None = None,
        variadic: str | None = None,
    ) -> Callable[[F], F]:
        def add(function: F) -> F:
            own = name or function.__name__
            text = help or (function.__doc__ or "").strip().partition("\n")[0]
            cls.data[own] = function
            cls.meta[own] = Info(
                alias, type, visible, default_timeout, text, signature, args, variadic
            )
            if alias:
                cls.data[alias] = function
            return function

        return add


def control_command(**options: Any) -> Callable[[F], F]:
    """Add a command that changes something: `@control_command(args=[("n", int)])`.

    Options: `name`, `alias`, `visible` in lists, `default_timeout` (seconds), `help`, `signature`
    (as lists show it), `args` (names and types of what the command line takes), `variadic` (the
    argument that takes all further words).
    """
    return Panel._adding(type="control", **options)


def inspect_command(**options: Any) -> Callable[[F], F]:
    """Add a command that looks at something; options as for `control_command`."""
    return Panel._adding(type="inspect", **options)


def boolean(word: str) -> bool:
    """Return what a word of a command line means. Raises ValueError."""
    if word.lower() in _TRUE:
        return True
    if word.lower() in _FALSE:
        return False
    raise ValueError(f"{word!r}: expected true or false")


_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off")
