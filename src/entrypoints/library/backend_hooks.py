"""What Celery asks of its backends while it sends and counts, and celeriac of none.

Messages and results are settled together, and the parts of chords counted, by whoever runs the
tasks. The methods are there for heirs that call them by `super()`, and for those who look.
"""

from collections.abc import Mapping
from typing import Any

from ...domain.errors import NotSupported


class BackendHooks:
    """Methods and options that nobody here looks at by himself."""

    #: How often, and after how many seconds, code of heirs may try again to reach its store.
    retry_policy: Mapping[str, float] = {
        "max_retries": 20,
        "interval_start": 0,
        "interval_step": 1,
        "interval_max": 1,
    }

    def on_task_call(self, producer: Any, task_id: str) -> Mapping[str, Any]:
        """Return nothing to add: there is nothing to prepare before a call is sent."""
        return {}

    def set_chord_size(self, group_id: str, chord_size: int) -> None:
        """Do nothing: how many parts a chord has is stored when it is sent."""

    def on_chord_part_return(self, request: Any, state: str, result: Any, **kwargs: Any) -> None:
        """Do nothing: a part is counted when its task is settled, by its id."""

    def add_to_chord(self, chord_id: str, result: Any) -> Any:
        """Refuse: only a task of the header can add to it. Raises NotSupported."""
        raise NotSupported(
            f"chord {chord_id} grows by self.add_to_chord(signature) in a task of its header, "
            "which is counted together with that task's result; a backend alone cannot do it"
        )
