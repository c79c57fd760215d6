"""Which nursery makes a pool's children, while another one is to follow it.

What must stay true: the present one goes only once a child of its heir has proved that it can run
jobs; a nursery that went stays until its last child has.
"""

from collections.abc import Iterable

from .nursery import Nursery
from .spoke import Spoke


class Succession:
    """The nurseries of one pool. The caller holds the pool's lock."""

    def __init__(self, present: Nursery) -> None:
        """Have one nursery and no heir."""
        self.present = present
        #: What is to follow, and its first child, until that is ready.
        self.heir: Nursery | None = None
        self.scout: Spoke | None = None
        self._former: list[Nursery] = []

    @property
    def heir_is_ready(self) -> bool:
        """Whether the heir's first child could run jobs."""
        return self.scout is not None and self.scout.ready

    def try_out(self, heir: Nursery, scout: Spoke) -> None:
        """Take an heir into view."""
        self.heir, self.scout = heir, scout

    def succeed(self) -> None:
        """Let the heir follow."""
        assert self.heir is not None
        self._former.append(self.present)
        self.present = self.heir
        self.heir = self.scout = None

    def abandon(self) -> tuple[Nursery, Spoke]:
        """Give up the heir; return it and its child."""
        assert self.heir is not None
        assert self.scout is not None
        heir, scout = self.heir, self.scout
        self.heir = self.scout = None
        return heir, scout

    def childless(self, crew: Iterable[Spoke]) -> list[Nursery]:
        """Forget the former nurseries that have no child left; return them."""
        if not self._former:
            return []
        parents = {spoke.nursery for spoke in crew}
        gone = [one for one in self._former if one not in parents]
        self._former = [one for one in self._former if one in parents]
        return gone

    def all(self) -> list[Nursery]:
        """Return all that may live."""
        return [self.present, *([self.heir] if self.heir else []), *self._former]
