"""`celery.security`: signed messages. The keys are files that settings name."""

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, Final

from ...domain.errors import MissingExtra

__all__ = ["disable_untrusted_serializers", "setup_security"]

CRYPTOGRAPHY_NOT_INSTALLED: Final = str(MissingExtra("serializer 'auth'", "auth", "cryptography"))
SECURITY_SETTING_MISSING: Final = (
    "the auth serializer needs security_key, security_certificate and security_cert_store: set "
    "them to the paths of PEM files, or call app.setup_security(key=…, cert=…, store=…)"
)
SETTING_MISSING: Final = (
    "set task_serializer to 'auth' and accept_content to ['auth'], since signing is worth nothing "
    "where it is not verified"
)


def setup_security(
    allowed_serializers: Sequence[str] | None = None,
    key: str | None = None,
    key_password: str | bytes | None = None,
    cert: str | None = None,
    store: str | None = None,
    digest: str | None = None,
    serializer: str = "json",
    app: Any = None,
) -> None:
    """Sign what an app sends, and read only what is signed; see `app.setup_security`."""
    from ..library.current import get_current

    (app or get_current()).setup_security(
        allowed_serializers, key, key_password, cert, store, digest, serializer
    )


def disable_untrusted_serializers(whitelist: Iterable[str] | None = None) -> None:
    """Have consumers of kombu's that are one's own read nothing but these formats.

    It is for those that do not say what they accept; celeriac reads what `accept_content` names,
    whatever is allowed here. Without kombu there are none, and nothing is to be done.
    """
    try:
        registry = import_module("kombu.serialization")
    except ImportError:
        return
    registry.disable_insecure_serializers(allowed=whitelist)


# What is below it is imported by this name.
__name__ = "celery.security"
