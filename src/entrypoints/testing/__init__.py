"""For tests of projects that use celeriac: workers within the test's own process."""

from .embedded_worker import running_worker, work_off

__all__ = ["running_worker", "work_off"]
