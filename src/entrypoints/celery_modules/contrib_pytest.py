"""`celery.contrib.pytest`: a project's app and worker as fixtures, under Celery's names.

    pytest_plugins = ("celery.contrib.pytest",)

What must stay true: importing it costs next to nothing, and a fixture that is not asked for costs
nothing at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..library.app import Celeriac
    from ..worker import AppWorker


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker `celery(overrides)` known."""
    config.addinivalue_line("markers", "celery(**overrides): settings and options of celery_app")


@contextmanager
def _app(
    request: pytest.FixtureRequest,
    enable_logging: bool = False,
    use_trap: bool = False,
    parameters: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
) -> "Iterator[Celeriac]":
    from .contrib_testing_app import TestApp, setup_default_app

    app = TestApp(
        set_as_current=False,
        enable_logging=enable_logging,
        config=dict(config or {}),
        **(parameters or {}),
    )
    try:
        with setup_default_app(app, use_trap=use_trap):
            yield app
    finally:
        app.close()


@pytest.fixture(scope="session")
def use_celery_app_trap() -> bool:
    """Override to let a test that looks at the current app without wanting to fail."""
    return False


@pytest.fixture(scope="session")
def celery_session_app(
    request: pytest.FixtureRequest,
    celery_config: Mapping[str, Any],
    celery_parameters: Mapping[str, Any],
    celery_enable_logging: bool,
    use_celery_app_trap: bool,
) -> "Iterator[Celeriac]":
    """An app for all tests of the session."""
    with _app(
        request, celery_enable_logging, use_celery_app_trap, celery_parameters, celery_config
    ) as app:
        if not use_celery_app_trap:
            app.set_default()
        yield app


@pytest.fixture(scope="session")
def celery_session_worker(
    request: pytest.FixtureRequest,
    celery_session_app: "Celeriac",
    celery_includes: Sequence[str],
    celery_class_tasks: Sequence[Any],
    celery_worker_pool: Any,
    celery_worker_parameters: Mapping[str, Any],
) -> "Iterator[AppWorker]":
    """A worker for all tests of the session."""
    from .contrib_testing_worker import start_worker

    for module in celery_includes:
        celery_session_app.loader.import_task_module(module)
    for task in celery_class_tasks:
        celery_session_app.register_task(task)
    with start_worker(
        celery_session_app, pool=celery_worker_pool, **celery_worker_parameters
    ) as worker:
        yield worker


@pytest.fixture(scope="session")
def celery_enable_logging() -> bool:
    """Override to have the app's log set up."""
    return False


@pytest.fixture(scope="session")
def celery_includes() -> Sequence[str]:
    """Override to name modules that the worker imports."""
    return ()


@pytest.fixture(scope="session")
def celery_worker_pool() -> Any:
    """Override to choose the pool of the worker."""
    return "solo"


@pytest.fixture(scope="session")
def celery_config() -> Mapping[str, Any]:
    """Override to give the app settings."""
    return {}


@pytest.fixture(scope="session")
def celery_parameters() -> Mapping[str, Any]:
    """Override to make the app with other arguments."""
    return {}


@pytest.fixture(scope="session")
def celery_worker_parameters() -> Mapping[str, Any]:
    """Override to start the worker with other arguments."""
    return {}


@pytest.fixture
def celery_app(
    request: pytest.FixtureRequest,
    celery_config: Mapping[str, Any],
    celery_parameters: Mapping[str, Any],
    celery_enable_logging: bool,
    use_celery_app_trap: bool,
) -> "Iterator[Celeriac]":
    """An app for one test; the marker `celery(…)` changes its settings."""
    marks = reversed(list(request.node.iter_markers("celery")))
    config: dict[str, Any] = dict(celery_config)
    for mark in marks:
        config.update(mark.kwargs)
    with _app(
        request, celery_enable_logging, use_celery_app_trap, celery_parameters, config
    ) as app:
        yield app


@pytest.fixture(scope="session")
def celery_class_tasks() -> Sequence[Any]:
    """Override to register classes of tasks with the session's app."""
    return []


@pytest.fixture
def celery_worker(
    request: pytest.FixtureRequest,
    celery_app: "Celeriac",
    celery_includes: Sequence[str],
    celery_worker_pool: Any,
    celery_worker_parameters: Mapping[str, Any],
) -> "Iterator[AppWorker]":
    """A worker for one test."""
    from .contrib_testing_worker import start_worker

    for module in celery_includes:
        celery_app.loader.import_task_module(module)
    with start_worker(celery_app, pool=celery_worker_pool, **celery_worker_parameters) as worker:
        yield worker


@pytest.fixture
def depends_on_current_app(celery_app: "Celeriac") -> None:
    """For a test that looks at the current app: make it the test's."""
    celery_app.set_current()
