"""For how long an app's results are kept, as its settings and its result backend have it."""

from typing import TYPE_CHECKING

from ...domain.tasks.retention import Retention

if TYPE_CHECKING:
    from .app import Celeriac


def kept_for(app: "Celeriac") -> Retention:
    """Return the lifetimes of results; failures have one of their own where the backend can."""
    apart = app.results.capabilities.keeps_failures_apart
    failures = app.conf.result_failure_expires if apart else None
    return Retention.of(app.conf.result_expires, failures)
