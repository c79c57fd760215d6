"""Users' own steps in a worker's life: made, started and ended at the moments Celery's are.

Steps of the worker are made before the pool is started, and started after it; those of the
consumer once the broker has answered, before anything is claimed. All end when the work has.
"""

from typing import TYPE_CHECKING, Any

from .consumer_view import ConsumerView
from .stages import ConsumerBlueprint, WorkerBlueprint

if TYPE_CHECKING:
    from .worker import AppWorker


class UserSteps:
    """Carries one worker's users' steps."""

    def __init__(self, worker: "AppWorker") -> None:
        """Make those of the worker."""
        self._worker = worker
        self.consumer = ConsumerView(worker)
        app = worker.app
        self._options: dict[str, Any] = dict(worker.options.user_options)
        self.blueprint = WorkerBlueprint(app.steps["worker"])
        worker.steps.clear()
        self.blueprint.apply(worker, **self._options)

    def start(self) -> None:
        """Start those of the worker: its pool is there."""
        self.blueprint.start(self._worker)

    def join(self) -> None:
        """Make and start those of the consumer: the broker is there."""
        consumer = self.consumer
        blueprint = ConsumerBlueprint(self._worker.app.steps["consumer"])
        consumer.blueprint = blueprint.apply(consumer, **self._options)
        blueprint.start(consumer)
        consumer.begin()

    def stop(self, *, cold: bool) -> None:
        """End them all, the last one first; cold by `terminate`."""
        consumer = self.consumer
        consumer.end()
        if consumer.blueprint is not None:
            consumer.blueprint.stop(consumer, terminate=cold)
        self.blueprint.stop(self._worker, terminate=cold)
        if consumer.blueprint is not None:
            consumer.blueprint.send_all(consumer, "shutdown", propagate=False)
        consumer.close()
