"""`celery.app.control`."""

from ..library import control as _control
from ..library.control import Control, flatten_reply

__all__ = ["TERM_SIGNAME", "Control", "flatten_reply"]

TERM_SIGNAME = "SIGTERM"

if hasattr(_control, "Inspect"):
    Inspect = _control.Inspect
    __all__ += ["Inspect"]
