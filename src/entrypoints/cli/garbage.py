"""How often a worker's hub looks for garbage: seldom, since it holds much and makes none.

It has thousands of messages in hand on purpose. To look at the young after every 700 objects, as
Python does, took it 4 % of its time beside children, and a tenth beside a loop of a thousand slots.
"""

import gc
from typing import Final

#: What Python's versions come with. Where it is anything else, the user has chosen it.
PYTHONS_OWN: Final = (700, 2000)
#: Objects made, less those freed, before a look at the young; then, how many such looks before one
#: at those left over, and at all.
YOUNG, OLDER = 5_000, (20, 20)


def collect_seldom() -> None:
    """Leave what is here already out of it, and look less often, unless the user has tuned that."""
    gc.freeze()
    if gc.get_threshold()[0] in PYTHONS_OWN:
        gc.set_threshold(YOUNG, *OLDER)
