"""Whether a worker lives, and whether it takes work: what its signs of life come to.

What must stay true: nothing is guessed. A worker all of whose slots are taken asks its broker for
nothing, and is ready all the same; one whose broker does not answer is not, and lives all the same.
"""

from dataclasses import dataclass
from typing import Final

#: A hub that has not done a round for so long will do none any more. Seconds; it does one a second,
#: and one in which every store hangs takes some tens of seconds.
HUB_SECONDS: Final = 120.0
#: How long a claim may be unanswered before the broker counts as away. Seconds; one waits for 5.
POLL_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Signs:
    """What is seen of a worker at one instant. Ages are seconds; None: that has not begun yet."""

    hub_age: float | None = None
    poll_age: float = 0.0
    poll_waits: float = 0.0  # how long the claim on its way has been unanswered
    broker_away: bool = False
    lease: float = 0.0
    lease_age: float = 0.0
    lease_lost: bool = False
    stopping: bool = False
    slots: int = 0
    running: int = 0
    held: int = 0
    unsettled: int = 0


def why_not_alive(signs: Signs) -> list[str]:
    """Return why the worker had better be restarted; nothing if it lives."""
    if signs.hub_age is not None and signs.hub_age > HUB_SECONDS:
        return [f"the hub has done no round for {signs.hub_age:.0f} s"]
    return []


def why_not_ready(signs: Signs) -> list[str]:
    """Return why the worker takes no work now; nothing if it does."""
    if signs.hub_age is None:
        return ["it has not started yet"]
    reasons = why_not_alive(signs)
    if signs.stopping:
        reasons.append("it is stopping")
    if signs.broker_away:
        reasons.append("the broker is away")
    elif signs.poll_waits > POLL_SECONDS:
        reasons.append(f"the broker has not answered for {signs.poll_waits:.0f} s")
    if signs.lease_lost:
        reasons.append("the lease is lost")
    elif signs.lease_age > signs.lease:
        reasons.append(f"the lease was last renewed {signs.lease_age:.0f} s ago")
    return reasons
