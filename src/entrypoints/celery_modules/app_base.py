"""`celery.app.base`."""

from ...domain.settings import Settings
from ..library.app import Celeriac

__all__ = ["App", "Celery", "PendingConfiguration"]

App = Celery = Celeriac
#: Settings wait for their source by themselves: before and after it was read they are of one class.
PendingConfiguration = Settings
