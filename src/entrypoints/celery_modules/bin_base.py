"""`celery.bin.base`: what commands of others are made of."""

from ..cli.options import CommaSeparated as CommaSeparatedList
from ..cli.options import GroupedCommand as CeleryCommand
from ..cli.options import GroupedOption as CeleryOption
from ..cli.session import Session as CLIContext

__all__ = ["CLIContext", "CeleryCommand", "CeleryOption", "CommaSeparatedList"]
