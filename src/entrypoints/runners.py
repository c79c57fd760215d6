"""The runner of an app's tasks, and how it is made anew where nothing was inherited.

A runner is pickled as a recipe: where its app is imported from, and what was set beside. So it
travels to children that begin as a fresh interpreter, however the pool makes them.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from ..application.run_task import RunSettings, TaskRunner
from ..application.signals import import_modules
from ..domain.errors import ImproperlyConfigured
from .celery_names import VARIABLE, imported, install_as_celery
from .codecs import make_codec, make_result_codec
from .library.asking import asked
from .library.current import Proxy

if TYPE_CHECKING:
    from .library.app import Celeriac

Act = Callable[[], None]

#: Packages that remember apps of others.
OWN: Final = (__name__.partition(".")[0], "celery")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a fresh process needs in order to run the tasks of an app.

    `app` is `module:attribute`, `changes` the settings that differ from the defaults, `modules`
    what holds tasks; `prepare` is called before the first task.
    """

    app: str
    node: str
    pool: str
    changes: Mapping[str, Any]
    modules: Sequence[str]
    prepare: Act


class AppRunner(TaskRunner):
    """Runs tasks of an app; can be pickled if the app can be imported."""

    def __init__(
        self, app: Celeriac, node: str, prepare: Act, release: Act, recipe: Callable[[], Recipe]
    ) -> None:
        """Call `prepare` and `release` where tasks will run, and `recipe` when it is pickled."""
        conf = app.conf
        super().__init__(
            app.tasks.get,
            make_codec(conf),
            lambda: app.sending,
            app.clock,
            RunSettings(
                node=node,
                result_serializer=conf.result_serializer,
                result_extended=conf.result_extended,
                # What the store itself cannot keep is refused when it is settled.
                result_max_bytes=conf.result_max_bytes,
                polled_chords=conf.result_chord_polling,
            ),
            prepare,
            make_result_codec(conf),
            release,
        )
        self._recipe = recipe
        if conf.worker_deduplicate_successful_tasks:
            self.known = lambda id_: app.results.fetch([id_])[0]
        self.asked = lambda task, call: asked(app, task, call.args, call.kwargs, call.options)

    def start(self) -> None:
        """Prepare this process or thread; then see what was laid around runs, if anything was."""
        super().start()
        if imported("celery.app.trace") is not None:
            from .library.surrounding import tracers

            self.surround = tracers()

    def __reduce__(self) -> Any:
        """Pickle as the recipe. Raises ImproperlyConfigured if the app cannot be imported."""
        return made_anew, (self._recipe(),)


def recipe_of(app: Celeriac, node: str, pool: str, prepare: Act) -> Recipe:
    """Return how to make a runner of an app. Raises ImproperlyConfigured."""
    changes = {name: value for name, value in app.conf.changes().items() if _travels(value)}
    modules = dict.fromkeys(type(task).__module__ for task in app.tasks.values())
    importable = [name for name in modules if name != "__main__" and name in sys.modules]
    return Recipe(place_of(app), node, pool, changes, importable, prepare)


def place_of(app: Celeriac) -> str:
    """Return `module:attribute` of an app. Raises ImproperlyConfigured if it is in no module."""
    for name, module in list(sys.modules.items()):
        ours = name.partition(".")[0] in OWN
        if ours or name == "__main__" or getattr(module, "__spec__", None) is None:
            continue
        for attribute, value in list(getattr(module, "__dict__", {}).items()):
            if value is app or (type(value) is Proxy and value._get_current_object() is app):
                return f"{name}:{attribute}"
    raise ImproperlyConfigured(
        f"{app!r} is an attribute of no module that could be imported there: make it one, and "
        "start the worker with -A module:attribute"
    )


def made_anew(recipe: Recipe) -> TaskRunner:
    """Import the app and its tasks, in a process that has nothing of them yet."""
    from .fresh_life import FreshLife

    if os.environ.get(VARIABLE):
        install_as_celery()
    module, _, attribute = recipe.app.partition(":")
    found: Any = getattr(import_module(module), attribute)
    app: Celeriac = found._get_current_object() if type(found) is Proxy else found
    app.conf.update(recipe.changes)
    import_modules.send(sender=app)
    for name in dict.fromkeys((*app.conf.imports, *app.conf.include, *recipe.modules)):
        import_module(name)
    app.finalize()
    life = FreshLife(app, recipe.node, recipe.pool, recipe.prepare)
    return life.runner(lambda: recipe)


def _travels(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:
        return False  # it is the app's own module that sets it
    return True
