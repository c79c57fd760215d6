"""Signals by their names, as `celery.platforms` has them: `signals["TERM"] = handler`."""

import signal
from collections.abc import Callable, Mapping
from typing import Any, Final

SIGNAMES: Final = {one.name for one in signal.Signals}
SIGMAP: Final = {name: signal.Signals[name] for name in SIGNAMES}


def signal_name(signum: int) -> str:
    """Return a signal's name without its SIG: `TERM`."""
    return signal.Signals(signum).name.removeprefix("SIG")


class Signals:
    """Handlers of signals, by the names of these. What this system lacks is passed over."""

    ignored: Final = signal.SIG_IGN
    default: Final = signal.SIG_DFL

    def supported(self, name: str) -> bool:
        """Tell whether this system has the signal."""
        return _full(name) in SIGMAP

    def signum(self, name: Any) -> int:
        """Return the number of a signal, also of a number. Raises AttributeError."""
        if isinstance(name, int):
            return name
        if not isinstance(name, str) or not name.isupper():
            raise TypeError(f"signal {name!r}: expected a name in capitals, such as 'TERM'")
        if not self.supported(name):
            raise AttributeError(f"this system has no signal {_full(name)}")
        return int(SIGMAP[_full(name)])

    def __getitem__(self, name: str) -> Any:
        """Return the handler."""
        return signal.getsignal(self.signum(name))

    def __setitem__(self, name: str, handler: Any) -> None:
        """Set a handler; nothing happens in other threads than the main one."""
        try:
            signal.signal(self.signum(name), handler)
        except (AttributeError, ValueError):
            return

    def update(
        self, _d_: Mapping[str, Callable[..., Any]] | None = None, **sigmap: Callable[..., Any]
    ) -> None:
        """Set several handlers."""
        for name, handler in {**(_d_ or {}), **sigmap}.items():
            self[name] = handler

    def ignore(self, *names: str) -> None:
        """Have these signals do nothing."""
        for name in names:
            self[name] = self.ignored

    def reset(self, *signal_names: str) -> None:
        """Have these signals do what they do by default."""
        for name in signal_names:
            self[name] = self.default

    def arm_alarm(self, seconds: float) -> None:
        """Have ALRM sent in so many seconds."""
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def reset_alarm(self) -> None:
        """Have no ALRM sent."""
        signal.setitimer(signal.ITIMER_REAL, 0)


def _full(name: str) -> str:
    return name if name.startswith("SIG") else f"SIG{name}"


signals: Final = Signals()
get_signal = signals.signum
install_signal_handler = signals.__setitem__
reset_signal = signals.reset
ignore_signal = signals.ignore
