"""Options that users add to our commands: `app.user_options["worker"].add(click.Option(…))`.

What must stay true: an app is looked for only if a command needs it, or if it may know an option
that nobody else does.
"""

from typing import TYPE_CHECKING, Any, Final

import click

from ...application.signals import user_preload_options
from ...domain.errors import ImproperlyConfigured

if TYPE_CHECKING:
    from ..library.app import Celeriac

#: The key of options for every command.
PRELOAD: Final = "preload"
#: Commands that need the app whatever they are told.
DAEMONS: Final = ("worker", "beat", "events")


def declared(app: "Celeriac", *names: str | None) -> list[click.Option]:
    """Return the options an app adds to commands of these names. Raises ImproperlyConfigured."""
    found = [one for name in names if name for one in app.user_options.get(name, ())]
    if wrong := [one for one in found if not isinstance(one, click.Option)]:
        raise ImproperlyConfigured(
            f"app.user_options holds {wrong[0]!r}: expected options of click's, such as "
            'click.Option(["--shout"], is_flag=True)'
        )
    return sorted(found, key=lambda option: option.name or "")


def add_missing(ctx: click.Context) -> None:
    """Give a command that needs the app the values of users' options that were not parsed."""
    if ctx.info_name not in DAEMONS:
        return
    for option in declared(ctx.obj.app, ctx.info_name, PRELOAD):
        if option.name and option.name not in ctx.params:
            ctx.params[option.name] = option.get_default(ctx)


def hand_out_preloaded(ctx: click.Context, callback: Any) -> None:
    """Tell receivers of `user_preload_options` what was said; only daemons take it themselves."""
    app = ctx.obj.given
    if app is None:
        return
    names = {option.name for option in declared(app, PRELOAD)}
    values = {name: ctx.params[name] for name in names if name and name in ctx.params}
    if not values:
        return
    if ctx.info_name not in DAEMONS:
        for name in values:
            del ctx.params[name]
    user_preload_options.send(sender=callback, app=app, options=values)
