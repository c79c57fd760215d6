"""What must be true of every history, whatever went wrong in it."""

from collections.abc import Iterator

from celeriac.adapters.memory import MemoryResults
from celeriac.domain.tasks import states
from celeriac.domain.work.crash_policy import repeatable

from .cluster import Cluster
from .ledger import Violation
from .scheduler import all_ticks
from .workload import MAX_CRASHES, OPTIONS


def check(cluster: Cluster) -> None:
    """Raise Violation naming all that is wrong."""
    wrong = [
        *_nothing_is_lost(cluster),
        *_nothing_is_doubled(cluster),
        *_nothing_is_repeated_against_its_wish(cluster),
        *_what_follows_follows_once(cluster),
        *_every_tick_came_once(cluster),
    ]
    if wrong:
        raise Violation("\n".join(wrong))


def states_of(cluster: Cluster) -> dict[str, str]:
    ids = list(cluster.ledger.tasks)
    records = MemoryResults(cluster.store).fetch(ids)
    return {id_: record.state for id_, record in zip(ids, records, strict=True) if record}


def _nothing_is_lost(cluster: Cluster) -> Iterator[str]:
    ledger, found = cluster.ledger, states_of(cluster)
    if not ledger.all_ended():
        left = [message.id for message in cluster.waiting()]
        yield (
            f"{ledger.accepted.total()} messages were accepted and {ledger.ended.total()} came to "
            f"their end; in the queue: {left}"
        )
    for id_ in ledger.tasks:
        # Bytes that nobody can read have no task to record anything of.
        if id_ not in cluster.garbage and found.get(id_) not in states.READY_STATES:
            yield f"{id_} was accepted and its state is {found.get(id_)}"


def _nothing_is_doubled(cluster: Cluster) -> Iterator[str]:
    for (id_, retries), times in cluster.ledger.accepted.items():
        if times > 1:
            yield f"attempt {retries} of {id_} was published {times} times"


def _nothing_is_repeated_against_its_wish(cluster: Cluster) -> Iterator[str]:
    for (id_, retries), times in cluster.ledger.begun.items():
        task = cluster.ledger.tasks[id_]
        allowed = MAX_CRASHES if task == "poison" else 1
        if times > allowed and (task == "poison" or not repeatable(OPTIONS[task])):
            yield f"attempt {retries} of {id_} ({task}) was begun {times} times"


def _what_follows_follows_once(cluster: Cluster) -> Iterator[str]:
    """A link follows success and nothing else, an errback failure."""
    found, accepted = states_of(cluster), cluster.ledger.accepted
    for before, link in cluster.chains:
        expected = int(found.get(before) == states.SUCCESS)
        if before in found and accepted[link, 0] != expected:
            yield f"{before} is {found[before]}, and {link} was sent {accepted[link, 0]} times"
    for failed, errback in cluster.errbacks:
        # What no worker knows or can read is put aside; there is nobody to call its errbacks.
        if failed in cluster.garbage or cluster.ledger.tasks[failed] not in OPTIONS:
            continue
        expected = int(found.get(failed) == states.FAILURE)
        times = accepted[errback, 0]
        if times != expected:
            yield f"{failed} is {found.get(failed)}, and {errback} was sent {times} times"


def _every_tick_came_once(cluster: Cluster) -> Iterator[str]:
    expected = all_ticks(cluster.looked_until)
    came = {id_ for id_, task in cluster.ledger.tasks.items() if task == "tick"}
    if came != expected:
        yield f"ticks lost: {sorted(expected - came)}, ticks invented: {sorted(came - expected)}"
