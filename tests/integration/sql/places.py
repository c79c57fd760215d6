"""One empty SQL store a test, on each database the contract suites know."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.contracts.adapters import ADAPTERS

SERVERS = ("postgresql", "mariadb")


def _on(*names):
    """Parametrize the fixture `place`, made by `empty_place`."""
    kinds = []
    for name in names:
        module, _, kind = ADAPTERS[name].partition(":")
        place = getattr(import_module(module), kind)
        kinds.append(pytest.param(place, id=name, marks=pytest.mark.needs_server(*place.servers)))
    return pytest.mark.parametrize("place", kinds, indirect=True)


ON_EACH_SERVER = _on(*SERVERS)
ON_EACH_DATABASE = _on("sqlite", *SERVERS)


@pytest.fixture(name="place")
def empty_place(request):
    """An empty store."""
    place = request.param.make(request)
    yield place
    place.close()
