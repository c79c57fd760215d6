"""`celery.app.control`."""

from ..library import control as _control
from ..library.control import Control

__all__ = ["Control"]

if hasattr(_control, "Inspect"):
    Inspect = _control.Inspect
    __all__ += ["Inspect"]
