"""A chord that nobody counts: a task looks again and again whether its header is done.

That is how Celery completes chords where its result store cannot count, by the task CHORD_UNLOCK in
the layout written here; workers of either carry it out.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid5

from ..tasks.builtin_names import CHORD_UNLOCK
from .signature import Signature

#: Seconds until it looks first.
FIRST_LOOK: Final = 1.0
#: Options by which it goes where the body goes.
_WAY: Final = ("queue", "exchange", "routing_key", "priority")
#: Namespace of its ids; drawn once, for this alone.
_POLLS: Final = UUID("3c2a7f0e-5a6f-4b58-9a3e-7a1d7f6c9b42")


def poll(group_id: str, body: Mapping[str, Any], results: Sequence[Any]) -> Signature:
    """Return the call that waits for these results, told as tuples, and then sends the body.

    Its id is made of the group's: who sends the work-flow again sends the same one.
    """
    options = body.get("options") or {}
    return Signature(
        CHORD_UNLOCK,
        (group_id, dict(body)),
        {"interval": None, "max_retries": None, "result": list(results)},
        {
            **{name: options[name] for name in _WAY if options.get(name) is not None},
            "task_id": str(uuid5(_POLLS, group_id)),
            "countdown": FIRST_LOOK,
            "ignore_result": True,
        },
    )
