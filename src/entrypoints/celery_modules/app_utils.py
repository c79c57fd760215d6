"""`celery.app.utils`."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...domain.settings import Settings
from ...domain.settings.options import DEFAULTS
from ...domain.settings.presentation import MASK, mask_url, masked
from .root import bugreport

__all__ = [
    "DEFAULTS",
    "SETTING_KEYS",
    "AppPickler",
    "Settings",
    "appstr",
    "bugreport",
    "detect_settings",
    "filter_hidden_settings",
    "find_app",
    "sanitize_url",
]

SETTING_KEYS = frozenset(DEFAULTS)


class AppPickler:
    """Makes an app anew of what Celery keeps of a pickled one. Ours are imported instead."""

    def __call__(self, cls: Any, *args: Any) -> Any:
        """Return the app."""
        kwargs = self.build_kwargs(*args)
        app = self.construct(cls, **kwargs)
        self.prepare(app, **kwargs)
        return app

    def prepare(self, app: Any, **kwargs: Any) -> None:
        """Let the app have the settings that were changed."""
        app.conf.update(kwargs["changes"])

    def construct(self, cls: Any, **kwargs: Any) -> Any:
        """Make it."""
        return cls(**kwargs)

    def build_kwargs(self, *args: Any) -> dict[str, Any]:
        """Return what it is made with, as keywords."""
        return self.build_standard_kwargs(*args)

    def build_standard_kwargs(
        self,
        main: str | None,
        changes: Mapping[str, Any],
        loader: Any,
        backend: Any,
        amqp: Any,
        events: Any,
        log: Any,
        control: Any,
        accept_magic_kwargs: Any,
        config_source: Any = None,
        config_source_silent: bool = False,
    ) -> dict[str, Any]:
        """Return these as keywords of an app that does not become the current one."""
        return {
            "main": main,
            "changes": changes,
            "loader": loader,
            "backend": backend,
            "amqp": amqp,
            "events": events,
            "log": log,
            "control": control,
            "set_as_current": False,
            "config_source": config_source,
        }


def appstr(app: Any) -> str:
    """Return an app's name for people."""
    return f"{app.main or '__main__'} at {id(app):#x}"


def filter_hidden_settings(conf: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with what is secret hidden."""
    return {name: masked(name, value) for name, value in conf.items()}


def sanitize_url(url: Any, mask: str = MASK) -> Any:
    """Return a URL, or several separated by semicolons, with passwords hidden."""
    return mask_url(url).replace(MASK, mask) if isinstance(url, str) else url


def detect_settings(
    conf: Mapping[str, Any] | None,
    preconf: Mapping[str, Any] | None = None,
    ignore_keys: Iterable[str] | None = None,
    prefix: str | None = None,
    all_keys: Any = None,
    old_keys: Any = None,
) -> Settings:
    """Return the settings that a source makes, whichever spelling it has.

    Args:
        conf: The source; None: only `preconf` is looked at.
        preconf: What wins over it.
        ignore_keys: Names that are not looked at.
        prefix: What all names in the source begin with, in front of ours.
        all_keys: Accepted for Celery's sake: the spellings are known.
        old_keys: Accepted for Celery's sake.

    Raises:
        ImproperlyConfigured: Both spellings are mixed, or a value does not fit.
    """
    ignored, start = set(ignore_keys or ()), (prefix or "").rstrip("_") + "_"
    given = {name: value for name, value in (conf or {}).items() if name not in ignored}
    if prefix:
        given = {
            name[len(start) :].lower(): value
            for name, value in given.items()
            if name.lower().startswith(start.lower())
        }
    made = Settings()
    made.configure(given)
    made.update(preconf or {})
    return made


def find_app(app: str, *args: Any, **kwargs: Any) -> Any:
    """Return the app that `-A` would find under this name."""
    from ..cli.find_app import find_app

    return find_app(app)
