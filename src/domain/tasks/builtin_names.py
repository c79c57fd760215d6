"""Names of the tasks that every app has."""

from typing import Final

#: Deletes old results; Celery's name.
BACKEND_CLEANUP: Final = "celery.backend_cleanup"
#: Calls an errback on behalf of a process that died; ours.
CALL_ERRBACK: Final = "celeriac.call_errback"
