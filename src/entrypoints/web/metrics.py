"""A worker in numbers, as Prometheus reads them: its text exposition format, version 0.0.4."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final, NamedTuple

from ...domain.work.durations import BOUNDS, Durations
from ...domain.work.health import Signs, why_not_ready

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
NO_LABELS: Final[Labels] = {}


class Family(NamedTuple):
    """One metric: its samples differ by labels."""

    name: str
    kind: str
    about: str
    samples: Iterable[tuple[Labels, float]]


class Histogram(NamedTuple):
    """One metric of durations, each of them told by the value of one label."""

    name: str
    about: str
    label: str
    durations: Mapping[str, Durations]


def families(
    signs: Signs, received: Mapping[str, int], outcomes: Mapping[str, int], facts: Labels
) -> list[Family]:
    """Return what is told of a worker. `received` counts by task name, `outcomes` by state."""

    def gauge(name: str, about: str, value: float) -> Family:
        return Family(f"celeriac_worker_{name}", "gauge", about, [(NO_LABELS, value)])

    return [
        Family("celeriac_worker_info", "gauge", "Which worker this is.", [(facts, 1)]),
        gauge("ready", "1 while it takes work.", not why_not_ready(signs)),
        gauge("last_poll_seconds", "Since the broker last answered a claim.", signs.poll_age),
        gauge("poll_wait_seconds", "How long a claim is unanswered by now.", signs.poll_waits),
        gauge("lease_age_seconds", "Since the lease was last renewed.", signs.lease_age),
        gauge("lease_seconds", "How long a lease lasts (worker_lease).", signs.lease),
        gauge("hub_age_seconds", "Since the hub last did a round.", signs.hub_age or 0.0),
        gauge("slots", "How many tasks may run at once.", signs.slots),
        gauge("tasks_running", "Tasks handed to the pool.", signs.running),
        gauge("tasks_held", "Tasks claimed and not settled, running ones included.", signs.held),
        gauge(
            "settlements_waiting",
            "Ends of tasks that the store has not taken yet.",
            signs.unsettled,
        ),
        Family(
            "celeriac_worker_tasks_received_total",
            "counter",
            "Tasks claimed.",
            [({"task": name}, count) for name, count in sorted(received.items())],
        ),
        Family(
            "celeriac_worker_tasks_ended_total",
            "counter",
            "Tasks that came to an end, by the state they ended in.",
            [({"state": state}, count) for state, count in sorted(outcomes.items())],
        ),
    ]


def of_queues(depths: Mapping[str, int], waits: Mapping[str, float]) -> list[Family]:
    """Return what is told of queues, by name."""
    return [
        Family(
            "celeriac_queue_messages",
            "gauge",
            "Messages that wait in a queue, those not due yet included where that can be seen.",
            [({"queue": name}, count) for name, count in sorted(depths.items())],
        ),
        Family(
            "celeriac_queue_head_wait_seconds",
            "gauge",
            "For how long at least the message that is next has waited.",
            [({"queue": name}, seconds) for name, seconds in sorted(waits.items())],
        ),
    ]


def of_times(
    runs: Mapping[str, Durations], waits: Mapping[str, Durations], delays: Mapping[str, Durations]
) -> list[Histogram]:
    """Return what is told of how long tasks run (by task), wait, and are late (by queue)."""
    return [
        Histogram("celeriac_worker_task_run_seconds", "How long tasks ran.", "task", runs),
        Histogram(
            "celeriac_worker_task_wait_seconds",
            "From the claim of a task to its start.",
            "queue",
            waits,
        ),
        Histogram(
            "celeriac_worker_task_delay_seconds",
            "From the eta of a task to its start, of those that have one.",
            "queue",
            delays,
        ),
    ]


def exposition(told: Iterable[Family | Histogram]) -> str:
    """Return the metrics as text."""
    lines: list[str] = []
    for one in told:
        kind = one.kind if isinstance(one, Family) else "histogram"
        lines += (f"# HELP {one.name} {one.about}", f"# TYPE {one.name} {kind}")
        samples = _plain(one) if isinstance(one, Family) else _cumulated(one)
        lines += [f"{name}{_labels(labels)} {value:.15g}" for name, labels, value in samples]
    return "\n".join([*lines, ""])


def _plain(family: Family) -> Iterator[tuple[str, Labels, float]]:
    for labels, value in family.samples:
        yield family.name, labels, value


def _cumulated(histogram: Histogram) -> Iterator[tuple[str, Labels, float]]:
    for value, durations in sorted(histogram.durations.items()):
        labels, total = {histogram.label: value}, durations.total
        counts = list(accumulate(durations.steps()))
        for bound, count in zip((*(f"{b:g}" for b in BOUNDS), "+Inf"), counts, strict=True):
            yield f"{histogram.name}_bucket", {**labels, "le": bound}, count
        yield f"{histogram.name}_sum", labels, total
        yield f"{histogram.name}_count", labels, counts[-1]


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
