"""A scheduler class of somebody's own (`beat_scheduler`), run by whichever beat leads.

Such a class keeps its schedule and its last runs itself, so that what is said of beat's own ticks
does not hold for it: what is sent is what its `tick` sends. That one beat at a time asks it is
seen to here.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ..application.keep_beat import Beating
from ..application.send_ticks import AWAY
from ..domain.errors import ImproperlyConfigured
from .library.celery_shape import loaded
from .library.scheduler import Scheduler

if TYPE_CHECKING:
    from ..application.keep_beat import BeatSettings
    from ..ports.clock import Clock
    from ..ports.coordinator import Coordinator
    from .library.app import Celeriac

logger = logging.getLogger("celeriac.beat")

#: Where packages say what their schedulers are called, as in Celery.
GROUP: Final = "celery.beat_schedulers"
#: How long to wait when a store is away, in seconds.
PAUSE: Final = 1.0


def scheduler_class(asked: Any) -> type[Scheduler]:
    """Return the class of a scheduler's name or place. Raises ImproperlyConfigured."""
    try:
        found = _of_package(asked) if _is_alias(asked) else loaded(asked)
    except (ImportError, AttributeError) as why:
        raise ImproperlyConfigured(
            f"beat_scheduler={asked!r} cannot be imported: {why}; expected module:Class, or leave "
            "it out: beat_schedule may be changed while beat runs"
        ) from why
    if not (isinstance(found, type) and issubclass(found, Scheduler)):
        raise ImproperlyConfigured(
            f"beat_scheduler={asked!r}: expected a class derived from celery.beat.Scheduler as "
            "celeriac knows it; one derived from Celery's own is, once Celery's names are "
            "celeriac's (celeriac --as-celery, or CELERIAC_AS_CELERY=1)"
        )
    return found


def _is_alias(asked: Any) -> bool:
    return isinstance(asked, str) and not {".", ":"} & set(asked)


def _of_package(name: str) -> Any:
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP, name=name):
        return point.load()
    raise ImportError(f"no installed package offers a scheduler called {name!r} ({GROUP})")


class ForeignBeat(Beating):
    """Asks a scheduler what to do, while it leads. `step` and `run` belong to one thread."""

    def __init__(
        self,
        settings: "BeatSettings",
        make: Callable[[], Scheduler],
        coordinator: "Coordinator",
        clock: "Clock",
    ) -> None:
        """Make the scheduler when this beat leads first."""
        super().__init__(settings, coordinator, clock)
        self._make = make
        self.scheduler: Scheduler | None = None

    @property
    def leads(self) -> bool:
        """Whether this beat is the one that sends."""
        return self.scheduler is not None

    @property
    def entries(self) -> Mapping[str, Any]:
        """The entries by name, as far as this beat leads."""
        return {} if self.scheduler is None else dict(self.scheduler.schedule)

    def step(self) -> float:
        """Tick once; return in how many seconds to come again, at the latest."""
        try:
            if self._leadership.held() is None:
                self._let_go()
                return self._leadership.quarter
            if self.scheduler is None:
                self.scheduler = self._make()
                logger.info("beat: leading as %s %s", self.settings.holder, self.scheduler.info)
            wait = self.scheduler.tick()
            if self.scheduler.should_sync():
                self.scheduler._do_sync()
            return min(max(wait or 0.0, 0.0), self._leadership.quarter)
        except AWAY as why:
            logger.error("beat: the store is away, trying again: %s", why)
            return min(PAUSE, self._leadership.quarter)

    def resign(self) -> None:
        """Stop leading, and let another lead at once."""
        self._let_go()
        with suppress(*AWAY):
            self._leadership.release()

    def _let_go(self) -> None:
        scheduler, self.scheduler = self.scheduler, None
        if scheduler is not None:
            scheduler.close()


def make_scheduler(
    app: "Celeriac", cls: type[Scheduler], max_interval: float | None, filename: str | None
) -> Scheduler:
    """Return a scheduler of a class, told what Celery tells it."""
    return cls(
        app=app,
        max_interval=max_interval,
        schedule_filename=filename or app.conf.beat_schedule_filename,
        lazy=False,
    )
