"""One empty SQL store a test, on each database the contract suites know."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.contracts.adapters import ADAPTERS

DATABASES = ("sqlite", "postgresql", "mariadb")


def _kinds():
    for name in DATABASES:
        if name in ADAPTERS:
            module, _, kind = ADAPTERS[name].partition(":")
            place = getattr(import_module(module), kind)
            yield pytest.param(place, id=name, marks=pytest.mark.needs_server(*place.servers))


#: For `parametrize` of the fixture `place`, made by `empty_place`.
ON_EACH_DATABASE = pytest.mark.parametrize("place", list(_kinds()), indirect=True)


@pytest.fixture(name="place")
def empty_place(request):
    """An empty store."""
    place = request.param.make(request)
    yield place
    place.close()
