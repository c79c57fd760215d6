"""Tasks that only wait: for how many seconds, and how many at once."""

from typing import Final

SECONDS: Final = 0.1
AT_ONCE: Final = 1000
