"""Tasks every app has, by the names Celery gives them."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .task import Task

if TYPE_CHECKING:
    from .app import Celeriac


class BackendCleanup(Task[[], None]):
    """Deletes results older than `result_expires`; beat sends it at four in the morning."""

    name = "celery.backend_cleanup"

    def run(self) -> None:
        """Delete what is old enough."""
        expires: Any = self.app.conf.result_expires
        if expires is None or expires == 0:
            return
        age = expires if isinstance(expires, timedelta) else timedelta(seconds=float(expires))
        self.app.results.expire(self.app.container.clock().now() - age)


def add_builtin_tasks(app: "Celeriac") -> None:
    """Register them."""
    app.register_task(BackendCleanup())
