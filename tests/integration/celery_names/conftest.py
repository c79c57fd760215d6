"""Programs in a folder of their own, as the tests of the command line have them."""

from tests.integration.cli.conftest import place

__all__ = ["place"]
