"""The stores on which work-flows are run by workers that die: broker and results."""

from pathlib import Path

import pytest

STORES = [
    pytest.param(("sqlite", "sqlite"), id="sqlite"),
    pytest.param(("redis", "redis"), id="redis", marks=pytest.mark.needs_server("redis")),
    pytest.param(
        ("postgresql", "postgresql"),
        id="postgresql",
        marks=pytest.mark.needs_server("postgresql"),
    ),
    pytest.param(
        ("rabbitmq", "redis"),
        id="rabbitmq+redis",
        marks=pytest.mark.needs_server("rabbitmq", "redis"),
    ),
]


def settings_of(request: pytest.FixtureRequest, folder: Path) -> dict[str, str]:
    """Return what a parameter of STORES says, as settings."""
    broker, results = (_url(request, name, folder) for name in request.param)
    return {"broker_url": broker, "result_backend": results}


def _url(request: pytest.FixtureRequest, name: str, folder: Path) -> str:
    if name == "sqlite":
        return f"sqlite:///{folder / 'flows.sqlite3'}"
    return str(request.getfixturevalue(f"{name}_url"))
