"""Signed messages, as settings."""

from collections.abc import Mapping
from typing import Any

from ..domain.errors import ImproperlyConfigured
from ..domain.settings import Settings
from .codecs import make_codec


def setup_security(settings: Settings, said: Mapping[str, Any]) -> None:
    """Take what is said of keys into the settings, and look whether it can be used.

    Raises ImproperlyConfigured, SecurityError, MissingExtra.
    """
    accept = list(settings.accept_content or ())
    if settings.task_serializer != "auth" or accept != ["auth"]:
        raise ImproperlyConfigured(
            f"task_serializer={settings.task_serializer!r} and accept_content={accept!r}: set them "
            "to 'auth' and ['auth'], since signing is worth nothing where it is not verified"
        )
    settings.update(said)
    make_codec(settings)
