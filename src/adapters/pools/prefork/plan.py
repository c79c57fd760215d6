"""How the children of a pool are made, and what they do; it travels to where they are made."""

from dataclasses import dataclass, replace
from typing import Any, Final

#: Ways to begin a process: a copy of the hub's, a copy of a fresh one, a fresh one each.
METHODS: Final = ("fork", "forkserver", "spawn")


@dataclass(frozen=True, slots=True)
class Plan:
    """What children do is `body`: `module:function`, called with sock, journal, runner, `options`.

    `first` are statements that a fresh interpreter runs before it imports anything else.
    """

    body: str
    options: Any = None
    start_method: str = "fork"
    first: str = ""

    def anew(self) -> "Plan":
        """Return how to make such children so that they import everything anew."""
        return replace(self, start_method="forkserver") if self.start_method == "fork" else self
