"""What the global options say, and the app they lead to.

The app is looked for on first use, so that help and the refusal of a wrong option need none.
"""

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from .find_app import default_app, find_app

if TYPE_CHECKING:
    from ..library.app import Celeriac


@dataclass(slots=True)
class Session:
    """One use of the command line."""

    name: str | None = None
    broker: str | None = None
    result_backend: str | None = None
    config: str | None = None
    no_color: bool = False
    quiet: bool = False
    without_effect: list[str] = field(default_factory=list)
    given: "Celeriac | None" = None

    @property
    def app(self) -> "Celeriac":
        """The app, with what the global options say."""
        if self.given is None:
            self._tell_environment()
            self.given = find_app(self.name) if self.name else default_app()
            self._apply(self.given)
        return self.given

    def adopt(self, app: "Celeriac") -> None:
        """Take an app that was handed in; what the options say holds for it too."""
        self.given = app
        if self.config:
            app.config_from_object(self.config)
        self._apply(app)

    def say(self, text: str) -> None:
        """Print, unless asked to be quiet."""
        if not self.quiet:
            click.echo(text)

    def _tell_environment(self) -> None:
        """Let apps that are made while their module is imported see it, as Celery's do."""
        said = {
            "CELERY_BROKER_URL": self.broker,
            "CELERY_RESULT_BACKEND": self.result_backend,
            "CELERY_CONFIG_MODULE": self.config,
        }
        os.environ.update({name: value for name, value in said.items() if value})

    def _apply(self, app: "Celeriac") -> None:
        for part, setting, value in (
            ("broker", "broker_url", self.broker),
            ("results", "result_backend", self.result_backend),
        ):
            if not value:
                continue
            if app.given.get(part) is not None:
                raise click.UsageError(
                    f"the app brings a ready {part} of its own, so that {setting}={value!r} from "
                    "the command line or the environment cannot be used"
                )
            app.conf[setting] = value
