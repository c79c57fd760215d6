"""Tasks that come again though they have succeeded (`worker_deduplicate_successful_tasks`).

Where broker and result store are two systems, a worker may die between the result and the
acknowledgement: the message comes again, and a task with `acks_late` would run a second time.
"""

import logging
from collections.abc import Callable

from ..domain.errors import BackendUnavailable
from ..domain.tasks import states
from ..domain.tasks.result_record import ResultRecord
from ..domain.work.attempt import Execution
from ..domain.work.chord_parts import part_of
from ..domain.work.job import Report

logger = logging.getLogger("celeriac.task")

#: Looks a task's record up.
Known = Callable[[str], ResultRecord | None]


def done_already(run: Execution, known: Known) -> Report | None:
    """Return the report of a task that need not run, None if it must.

    What follows from it was published before its result was stored, and is not published again;
    its part of a chord is counted by task id, so telling it twice does no harm.
    """
    id_ = run.message.id
    try:
        record = known(id_)
    except BackendUnavailable as away:
        logger.warning("%s runs again, for whether it has succeeded is not known: %s", id_, away)
        return None
    if record is None or record.state != states.SUCCESS:
        return None
    logger.info("%s[%s] has succeeded already, and is not run again", run.message.task, id_)
    parts = part_of(run, states.SUCCESS, record.result)
    return Report(run.number, states.SUCCESS, parts=parts, summary="it had succeeded already")
