"""The relay: a chain's next link begins where the one before it has ended.

A link that takes a millisecond would spend most of its time on the way through the store. So the
process that has run one may go on with the next, under the same claim, while word of the first is
still on its way to the store. What must stay true:

- no link begins twice: only tasks that are run once at most take part (none with `acks_late`), and
  all of them stay in this worker's hands, as begun, until they are settled;
- whoever adopts the claim finds the last link of which the store was told. That one is recorded as
  lost; those behind it, of which the store knows nothing, are short, and no more than the first
  was given `relays` (`worker_chain_relay`): then one goes through the store again;
- whatever decides whether a task may begin at all has nothing to decide: links for which there is
  anything to look at (a due time, a limit, a key, another queue) go through the store.
"""

from typing import Final

from ..messaging.message import TaskMessage
from ..tasks import states
from ..tasks.options import TaskOptions
from .capacity import SHORT
from .job import Job, Report
from .settlement import DONE
from .uniqueness import HEADER as UNIQUE

#: How a message's body shows that its chain goes on. Only JSON is looked at.
_CHAIN: Final = b'"chain": [{'


def is_in_chain(message: TaskMessage) -> bool:
    """Whether links follow this one, as far as can be told without reading its body."""
    return _CHAIN in message.body


def takes_part(options: TaskOptions) -> bool:
    """Whether a task asks for nothing that only the worker or the cluster can grant it."""
    return not (
        options.acks_late
        or options.retry_on_worker_lost
        or options.rate_limit
        or options.time_limit
        or options.soft_time_limit
        or options.max_concurrency
        or options.concurrency_key
    )


def next_link(job: Job, report: Report) -> TaskMessage | None:
    """Return what a job that has ended is followed by, if it may follow here."""
    if not job.relays or report.state != states.SUCCESS or report.runtime > SHORT:
        return None
    if len(report.publish) != 1 or report.disposition != DONE:
        return None
    (link,) = report.publish
    may_follow = (
        link.queue == job.message.queue
        and not link.exchange
        and link.eta is None
        and link.expires is None
        and link.time_limits == (None, None)
        and UNIQUE not in link.headers
        and all(map(_is_plain, link.headers.values()))
    )
    return link if may_follow else None


def _is_plain(value: object) -> bool:
    """Whether every store can write it: there must be no saying no to what has begun."""
    match value:
        case None | str() | int() | float():
            return True
        case list() | tuple():
            return all(map(_is_plain, value))
        case dict():
            return all(type(key) is str and _is_plain(one) for key, one in value.items())
    return False
