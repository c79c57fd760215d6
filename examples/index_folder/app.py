"""The app and its one task. The worker imports this module, and so does whoever sends tasks."""

from dataclasses import asdict
from typing import Any

from celeriac import Celeriac

from .one_file import facts_of

# No broker and no backend are named: both are one SQLite file in the working directory.
app = Celeriac("index_folder")


# No file may hold a worker's process for longer than this, in seconds.
@app.task(time_limit=120)
def index_file(path: str) -> dict[str, Any]:
    """Return what is to be known of a file. What cannot be read fails, and says why."""
    return asdict(facts_of(path))
