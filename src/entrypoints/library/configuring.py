"""Where an app's settings come from: what it was made with, objects, modules, the environment."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from ..configuration import (
    config_from_cmdline,
    config_from_default_module,
    config_from_environment,
    config_from_envvar,
    config_from_object,
)
from .celery_shape import CeleryShape

_URLS: Final = ("broker_url", "result_backend")


class ConfiguredApp(CeleryShape):
    """An app as far as its settings are concerned. What the environment says wins over URLs."""

    def _configure(
        self,
        source: Any,
        namespace: str | None,
        include: Iterable[str] | None,
        changes: Mapping[str, Any] | None,
        kwargs: Mapping[str, Any],
    ) -> None:
        read = partial(config_from_object, source, namespace) if source else self._read_defaults
        self.conf.configure_later(read)
        if include:
            self.conf.include = list(include)
        if changes or kwargs:
            self.conf.update({**(changes or {}), **kwargs})
        # As in Celery, what the environment says wins over what the code says.
        self._environment = config_from_environment()

    def _read_defaults(self) -> Mapping[str, Any]:
        """Return the settings that the app's loader finds, which is the usual one or its own."""
        if self.loader_cls is None:
            return config_from_default_module()
        from .loader import settings_of

        return settings_of(self.loader)

    def _place(self, part: str, setting: str, given: Any) -> None:
        """Take a URL as a setting, a ready adapter as a part; the environment beats a URL."""
        if given is None or isinstance(given, str | list | tuple):
            url = self._environment.get(setting, given)
            if url is not None:
                self.conf[setting] = url
        else:
            self.given[part] = given
        others = {k: v for k, v in self._environment.items() if k == setting or part == "results"}
        self.conf.update({k: v for k, v in others.items() if k not in _URLS})

    def config_from_object(
        self, obj: Any, silent: bool = False, force: bool = False, namespace: str | None = None
    ) -> None:
        """Read settings from a module, an object or a mapping, on first use (now, if `force`)."""
        self.conf.configure_later(partial(config_from_object, obj, namespace, silent))
        if force:
            self.conf.finalize()

    def config_from_envvar(
        self, variable_name: str, silent: bool = False, force: bool = False
    ) -> None:
        """Read settings from the module that an environment variable names."""
        self.conf.configure_later(partial(config_from_envvar, variable_name, silent=silent))
        if force:
            self.conf.finalize()

    def config_from_cmdline(self, argv: Sequence[str], namespace: str = "celery") -> None:
        """Take settings from words such as `worker.prefetch_multiplier=1`."""
        self.conf.update(config_from_cmdline(argv, namespace))

    def add_defaults(self, fun: Any) -> None:
        """Add defaults of an extension, or a function that returns them."""
        defaults: Any = fun() if callable(fun) else fun
        self.conf.add_defaults(defaults)

    def setup_security(
        self,
        allowed_serializers: Sequence[str] | None = None,
        key: str | None = None,
        key_password: str | bytes | None = None,
        cert: str | None = None,
        store: str | None = None,
        digest: str | None = None,
        serializer: str = "json",
    ) -> None:
        """Sign what is sent, and read only what somebody trusted has signed.

        The settings must say so too: `task_serializer="auth"` and `accept_content=["auth"]`. What
        is not given here follows the settings `security_…`, and is kept there.

        Args:
            allowed_serializers: Formats read inside signed messages, beside those that run no code.
            key: Path of the private key, as PEM.
            key_password: What that file is encrypted with.
            cert: Path of the certificate of that key.
            store: Folder of the certificates trusted, or a glob.
            digest: Name of the hash, such as `sha256`.
            serializer: What writes the values that are signed.

        Raises:
            ImproperlyConfigured: The settings do not fit, or a file is missing.
            SecurityError: A file is not the key or certificate it should be.
        """
        from ..security import setup_security

        said = {
            "security_allowed_serializers": allowed_serializers,
            "security_key": key,
            "security_key_password": key_password,
            "security_certificate": cert,
            "security_cert_store": store,
            "security_digest": digest,
            "security_serializer": serializer,
        }
        setup_security(self.conf, {name: value for name, value in said.items() if value})
