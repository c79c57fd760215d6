"""Names of the tasks that every app has."""

from typing import Final

#: Deletes old results; Celery's name.
BACKEND_CLEANUP: Final = "celery.backend_cleanup"
#: Calls an errback on behalf of a process that died; ours.
CALL_ERRBACK: Final = "celeriac.call_errback"
#: Sends the body of a chord whose parts are all in; ours, carried out by the worker itself.
JOIN_CHORD: Final = "celeriac.join_chord"
#: Calls a function for whoever receives a task's messages; ours, and never sent to any queue.
CALL_FUNCTION: Final = "celeriac.call_function"
#: Tasks that Celery's workers do not know: they would throw such a message away.
OURS_ALONE: Final = frozenset({CALL_ERRBACK, JOIN_CHORD})
#: Waits for a chord's header by looking again and again; Celery's, for stores that cannot count.
CHORD_UNLOCK: Final = "celery.chord_unlock"
#: Returns its arguments as a list; Celery's.
ACCUMULATE: Final = "celery.accumulate"
