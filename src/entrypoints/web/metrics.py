"""A worker in numbers, as Prometheus reads them: its text exposition format, version 0.0.4."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

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


def exposition(told: Iterable[Family]) -> str:
    """Return the metrics as text."""
    lines: list[str] = []
    for family in told:
        lines.append(f"# HELP {family.name} {family.about}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines += [
            f"{family.name}{_labels(labels)} {value:.15g}" for labels, value in family.samples
        ]
    return "\n".join([*lines, ""])


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
