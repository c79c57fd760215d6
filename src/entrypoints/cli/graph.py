"""`celeriac graph`: a worker's steps, or the cluster, in the language of Graphviz."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import click

from ..banner import broker_text, results_text
from ..library.graph_drawing import GraphFormatter
from ..library.result_graph import DependencyGraph
from ..node_names import DEFAULT_NAME
from .options import GroupedCommand
from .session import Session

if TYPE_CHECKING:
    from ..library.app import Celeriac
    from ..library.bootsteps import Blueprint

#: Slots of a worker that are drawn one by one; of more, it is said how many there are.
MOST: Final = 10


@click.group("graph", help="Print graphs for Graphviz: celeriac graph workers | dot -Tsvg.")
def command() -> None:
    """See the commands below."""


# -- steps


@command.command("bootsteps", cls=GroupedCommand)
@click.argument("parts", nargs=-1, type=click.Choice(["worker", "consumer"]), metavar="[PART]...")
@click.pass_obj
def bootsteps(session: Session, /, parts: Sequence[str]) -> None:
    """Draw the steps in which a worker starts, with those that the app adds.

    PART is worker or consumer; without it both are drawn.
    """
    blueprints = [_blueprint(session.app, part) for part in parts or ("worker", "consumer")]
    whole = blueprints[0].graph
    if len(blueprints) > 1:
        before, after = blueprints
        whole.connect(after.graph)
        first, last = after.ordered()[0], before.ordered()[-1]
        if last not in whole[first]:
            whole.add_edge(first, last)
    whole.to_dot(sys.stdout)


def _blueprint(app: "Celeriac", part: str) -> "Blueprint":
    from ..stages import ConsumerBlueprint, WorkerBlueprint

    made = {"worker": WorkerBlueprint, "consumer": ConsumerBlueprint}[part](app.steps[part])
    made.ordered()
    return made


# -- the cluster


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that is drawn: a worker, one of its slots, the broker, the results."""

    kind: str
    name: str
    label: str


class ClusterFormatter(GraphFormatter):
    """Draws each kind of thing in its own shape."""

    schemes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "broker": {"shape": "circle", "fillcolor": "cadetblue3", "color": "cadetblue4"},
        "backend": {"shape": "folder", "fillcolor": "peachpuff3", "color": "black"},
        "slot": {"shape": "oval", "fillcolor": "lightcyan4", "fontcolor": "yellow"},
    }

    def label(self, obj: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return what makes it one and the same node."""
        return None if obj is None else obj.name

    def node(self, obj: Any, **attrs: Any) -> str:
        """Return a node by its kind."""
        scheme = self.schemes.get(obj.kind, self.node_scheme)
        return self.draw_node(obj, scheme, {"label": obj.label, **attrs})

    terminal_node = node

    def edge(self, a: Any, b: Any, **attrs: Any) -> str:
        """Return an edge; those of slots have no head."""
        more = {"arrowhead": "none", "arrowtail": "tee"} if a.kind == "slot" else {}
        return self.draw_edge(a, b, self.edge_scheme, {**more, **attrs})


@command.command("workers", cls=GroupedCommand)
@click.argument("facts", nargs=-1, metavar="[NAME:VALUE]...")
@click.option("-t", "--timeout", type=float, default=1.0, show_default=True, help="For answers.")
@click.pass_obj
def workers(session: Session, /, facts: Sequence[str], timeout: float) -> None:
    """Draw the workers that answer, their slots, their broker and results.

    Facts say something else than what is found: nodes:3 or nodes:web1,web2, threads:4 (slots of
    each), broker:URL, backend:URL. The word generic leaves addresses out.
    """
    said = dict(_facts(facts))
    app = session.app
    found = _imagined(said) if "nodes" in said else _asked(app, timeout)
    if "threads" in said:
        found = dict.fromkeys(found, _count(said["threads"], "threads"))
    broker, backend = (
        said.get("broker") or broker_text(app),
        said.get("backend") or results_text(app),
    )
    if "generic" in said:
        broker, backend = (
            f"{name} ({_scheme(url)})" for name, url in (("Broker", broker), ("Backend", backend))
        )
    graph = DependencyGraph(_things(found, broker, backend))
    graph.to_dot(sys.stdout, ClusterFormatter())


def _facts(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    known = ("nodes", "threads", "broker", "backend")
    for word in words:
        name, colon, value = word.partition(":")
        right = (colon and value) if name in known else word == "generic"
        if not right:
            raise click.UsageError(
                f"{word!r}: expected nodes:…, threads:…, broker:…, backend:… or generic"
            )
        yield name, value


def _count(text: str, name: str) -> int:
    if not text.isdigit():
        raise click.UsageError(f"{name}:{text}: expected a number")
    return int(text)


def _imagined(said: Mapping[str, str]) -> dict[str, int]:
    nodes = said["nodes"]
    if nodes.isdigit():
        return {f"{DEFAULT_NAME}{number}": 0 for number in range(1, int(nodes) + 1)}
    return dict.fromkeys(filter(None, nodes.split(",")), 0)


def _asked(app: "Celeriac", timeout: float) -> dict[str, int]:
    """Return the workers that answer, with their slots."""
    answers = app.control.inspect(timeout=timeout).stats() or {}
    return {
        node: int((said.get("pool") or {}).get("max-concurrency") or 0)
        for node, said in sorted(answers.items())
    }


def _things(
    workers: Mapping[str, int], broker: str, backend: str
) -> Iterator[tuple[Thing, list[Thing]]]:
    stores = [Thing("broker", broker, broker), Thing("backend", backend, backend)]
    if broker == backend:  # one database for both is one node
        stores = stores[:1]
    yield from ((store, []) for store in stores)
    for name, slots in workers.items():
        worker = Thing("worker", name, name)
        yield worker, stores
        if slots > MOST:
            yield Thing("slot", f"{name} slots", f"{slots} slots"), [worker]
            continue
        for number in range(1, slots + 1):
            yield Thing("slot", f"{name} slot {number}", str(number)), [worker]


def _scheme(url: str) -> str:
    return url.partition(":")[0] + "://" if "://" in url else url
