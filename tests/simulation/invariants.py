"""What must be true of every history, whatever went wrong in it."""

from collections.abc import Iterator

from celeriac.adapters.memory import MemoryResults
from celeriac.domain.tasks import states
from celeriac.domain.tasks.builtin_names import JOIN_CHORD
from celeriac.domain.work.crash_policy import repeatable

from .cluster import Cluster
from .scheduler import all_ticks
from .workload import MAX_CRASHES, OPTIONS


class Violation(AssertionError):
    """Something that must stay true did not."""


def check(cluster: Cluster) -> None:
    """Raise Violation naming all that is wrong."""
    wrong = [
        *cluster.ledger.wrong,
        *_nothing_is_lost(cluster),
        *_nothing_is_doubled(cluster),
        *_nothing_is_repeated_against_its_wish(cluster),
        *_what_follows_follows_once(cluster),
        *_no_work_flow_is_stuck_or_goes_on_twice(cluster),
        *_every_tick_came_once(cluster),
    ]
    if wrong:
        raise Violation("\n".join(wrong))


def states_of(cluster: Cluster) -> dict[str, str]:
    ids = [*cluster.ledger.tasks, *(id_ for flow in cluster.flows for id_ in flow.ids())]
    records = MemoryResults(cluster.results_store).fetch(ids)
    return {id_: record.state for id_, record in zip(ids, records, strict=True) if record}


def _nothing_is_lost(cluster: Cluster) -> Iterator[str]:
    ledger, found = cluster.ledger, states_of(cluster)
    if not ledger.all_ended():
        left = [message.id for message in cluster.waiting()]
        yield (
            f"{ledger.accepted.total()} messages were accepted and {ledger.ended.total()} came to "
            f"their end; in the queue: {left}"
        )
    for id_, task in ledger.tasks.items():
        if task == JOIN_CHORD:
            continue  # the worker's own; what it is for is looked at with the work-flows
        # Bytes that nobody can read have no task to record anything of.
        if id_ not in cluster.garbage and found.get(id_) not in states.READY_STATES:
            yield f"{id_} was accepted and its state is {found.get(id_)}"


def _nothing_is_doubled(cluster: Cluster) -> Iterator[str]:
    if not cluster.is_one:
        return  # what was published before a crash is published again after it
    for (id_, retries), times in cluster.ledger.accepted.items():
        # A beat that is cut off while it publishes does so again, under the same id.
        if times > 1 and cluster.ledger.tasks[id_] != "tick":
            yield f"attempt {retries} of {id_} was published {times} times"


def _nothing_is_repeated_against_its_wish(cluster: Cluster) -> Iterator[str]:
    for (id_, retries), times in cluster.ledger.begun.items():
        task = cluster.ledger.ran_as[id_]
        allowed = MAX_CRASHES if task == "poison" else 1
        # A link may have begun whose claim was lost before the store knew of it.
        allowed *= max(1, cluster.ledger.accepted[id_, retries])
        if times > allowed and (task == "poison" or not repeatable(OPTIONS[task])):
            yield f"attempt {retries} of {id_} ({task}) was begun {times} times"


def _what_follows_follows_once(cluster: Cluster) -> Iterator[str]:
    """A link follows success and nothing else, an errback failure.

    Where settling takes several steps, a crash between them may make both true.
    """
    found, accepted = states_of(cluster), cluster.ledger.accepted
    for before, link in cluster.chains:
        expected = int(found.get(before) == states.SUCCESS)
        if before in found and not _is_right(cluster, accepted[link, 0], expected):
            yield f"{before} is {found[before]}, and {link} was sent {accepted[link, 0]} times"
    for failed, errback in cluster.errbacks:
        # What no worker knows or can read is put aside; there is nobody to call its errbacks.
        if failed in cluster.garbage or cluster.ledger.tasks[failed] not in OPTIONS:
            continue
        expected = int(found.get(failed) == states.FAILURE)
        times = accepted[errback, 0]
        if not _is_right(cluster, times, expected):
            yield f"{failed} is {found.get(failed)}, and {errback} was sent {times} times"


def _no_work_flow_is_stuck_or_goes_on_twice(cluster: Cluster) -> Iterator[str]:
    """Every call of a work-flow comes to an end, and is sent once if all before it went well.

    Where settling takes several steps, a crash between them may send it again, or send it although
    what was told of the task before it is overtaken.
    """
    found, accepted = states_of(cluster), cluster.ledger.accepted
    for flow in cluster.flows:
        yield from flow.is_stuck(found)
        if cluster.is_one:
            yield from flow.is_wrong(found, lambda id_: accepted[id_, 0])


def _every_tick_came_once(cluster: Cluster) -> Iterator[str]:
    expected, came = all_ticks(cluster.clock_at_rest), set(cluster.ledger.ticks)
    for tick, ids in cluster.ledger.ticks.items():
        times = sum(cluster.ledger.accepted[id_, 0] for id_ in ids)
        if len(ids) > 1 or (times > 1 and not cluster.had_faults):
            yield f"{tick} was sent {times} times, as {sorted(ids)}"
    if came != expected:
        yield f"ticks lost: {sorted(expected - came)}, ticks invented: {sorted(came - expected)}"


def _is_right(cluster: Cluster, times: int, expected: int) -> bool:
    return times == expected if cluster.is_one else times >= expected
