"""`celery.utils.term`: texts in colours, for terminals."""

from collections.abc import Callable
from typing import Any, Final

__all__ = ["colored"]

BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE = range(8)
OP_SEQ: Final = "\033[%dm"
RESET_SEQ: Final = "\033[0m"
COLOR_SEQ: Final = "\033[1;%dm"

_FRONT, _BACK = 30, 40


def fg(s: int) -> str:
    """Return what switches a terminal to a colour."""
    return COLOR_SEQ % s


class colored:
    """Texts, and such as have a colour of their own; without colours unless `enabled`.

    `str()` of it ends with a return to what was before.
    """

    black: "Callable[..., colored]"
    red: "Callable[..., colored]"
    green: "Callable[..., colored]"
    yellow: "Callable[..., colored]"
    blue: "Callable[..., colored]"
    magenta: "Callable[..., colored]"
    cyan: "Callable[..., colored]"
    white: "Callable[..., colored]"
    ired: "Callable[..., colored]"
    igreen: "Callable[..., colored]"
    iyellow: "Callable[..., colored]"
    iblue: "Callable[..., colored]"
    imagenta: "Callable[..., colored]"
    icyan: "Callable[..., colored]"
    iwhite: "Callable[..., colored]"
    bold: "Callable[..., colored]"
    underline: "Callable[..., colored]"
    blink: "Callable[..., colored]"
    reverse: "Callable[..., colored]"
    bright: "Callable[..., colored]"

    def __init__(self, *s: object, **kwargs: Any) -> None:
        """Hold these; `op` is what is written before them."""
        self.s = s
        self.enabled: bool = kwargs.get("enabled", True)
        self.op: str = kwargs.get("op", "")

    def node(self, s: tuple[object, ...], op: str) -> "colored":
        """Return texts with something before them."""
        return type(self)(*s, enabled=self.enabled, op=op)

    def reset(self, *s: object) -> "colored":
        """Return texts as they are without colours."""
        return self.node(s or ("",), RESET_SEQ)

    def embed(self) -> str:
        """Return the text without a return at its end."""
        inner = "".join(part.embed() if isinstance(part, colored) else str(part) for part in self.s)
        return f"{self.op}{inner}" if self.enabled else inner

    def no_color(self) -> str:
        """Return the text without colours."""
        return "".join(
            part.no_color() if isinstance(part, colored) else str(part) for part in self.s
        )

    def __add__(self, other: object) -> str:
        """Return the text, and another one behind it."""
        return f"{self}{other}"

    def __str__(self) -> str:
        """Return the text."""
        return f"{self.embed()}{RESET_SEQ}" if self.enabled else self.no_color()

    def __repr__(self) -> str:
        """Show the text without colours."""
        return repr(self.no_color())


def _writer(op: str) -> Callable[..., colored]:
    def write(self: colored, *s: object) -> colored:
        return self.node(s, op)

    return write


for _at, _name in enumerate("black red green yellow blue magenta cyan white".split()):
    setattr(colored, _name, _writer(fg(_FRONT + _at)))
    if _at:  # Celery has no black background either
        setattr(colored, f"i{_name}", _writer(fg(_BACK + _at)))
for _name, _at in {"bold": 1, "underline": 4, "blink": 5, "reverse": 7, "bright": 8}.items():
    setattr(colored, _name, _writer(OP_SEQ % _at))
