"""Work-flows of any shape, what they are worth, and a run of them without a worker."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from hypothesis import strategies as st

from celeriac.domain.canvas.kinds import Kind, body_of, header_of, kind_of, parts_of
from celeriac.domain.canvas.shape import in_shape
from celeriac.domain.canvas.signature import Signature
from celeriac.domain.canvas.unfold import Unfolded, applied, result_tuple, unfold
from celeriac.domain.canvas.workflow import frozen


def call(name="add", *args, **options):
    return Signature(name, args, {}, options)


def chain(*parts, **options):
    tasks = [part.to_dict() for part in parts]
    return Signature("celery.chain", (), {"tasks": tasks}, options, "chain")


def group(*parts, **options):
    tasks = [part.to_dict() for part in parts]
    return Signature("celery.group", (), {"tasks": tasks}, options, "group")


def chord(header, body, **options):
    parts = {"kwargs": {}, "header": [one.to_dict() for one in header], "body": body.to_dict()}
    return Signature("celery.chord", (), parts, options, "chord")


def ids(prefix="id"):
    return map((prefix + "{}").format, count()).__next__


calls = st.builds(
    lambda name, args, fixed: Signature(name, args, immutable=fixed),
    st.sampled_from("abcdef"),
    st.lists(st.integers(0, 9), max_size=2).map(tuple),
    st.booleans(),
)


def _of(inner, least=1):
    some = st.lists(inner, min_size=least, max_size=3)
    links = st.lists(inner | st.just(group()) if least == 1 else inner, min_size=1, max_size=4)
    return (
        some.map(lambda parts: group(*parts))
        | st.tuples(links, calls).map(lambda made: chain(*made[0], made[1]))
        | st.tuples(calls, some).map(lambda made: chain(made[0], *made[1]))
        | st.builds(chord, some | st.just([]) if least == 1 else some, inner)
    )


#: Anything: calls, chains, groups and chords, nested in any way, with empty groups and headers.
flows = st.recursive(calls, _of, max_leaves=14)

#: The same without groups of one and of none, which are something else within a chain.
full_flows = st.recursive(calls, lambda inner: _of(inner, least=2), max_leaves=8)


def worth(sig: Signature, args: tuple[Any, ...] = ()) -> Any:
    """Return what a work-flow comes to: each call is worth its name and its arguments."""
    args = sig.applied(args).args
    match kind_of(sig):
        case Kind.CHAIN:
            spliced = list(_spliced(sig))
            links = [one for one in spliced if not _is_empty_group(one)] or spliced[:1]
            for link in links:
                value = worth(link, args)
                args = (value,)
            return value
        case Kind.GROUP:
            return [worth(one, args) for one in _flat(sig)]
        case Kind.CHORD:
            return worth(body_of(sig), ([worth(one, args) for one in _flat(header_of(sig))],))
        case _:
            return [sig.task, *args]


def _spliced(sig: Signature) -> Iterable[Signature]:
    if kind_of(sig) is Kind.CHAIN:
        for part in parts_of(sig):
            yield from _spliced(part)
    elif kind_of(sig) is Kind.GROUP and len(members := list(_flat(sig))) == 1 == len(parts_of(sig)):
        yield from _spliced(members[0])
    else:
        yield sig


def _flat(sig: Signature) -> Iterable[Signature]:
    for part in parts_of(sig):
        if kind_of(part) is Kind.GROUP:
            yield from _flat(part)
        else:
            yield part


def _is_empty_group(sig: Signature) -> bool:
    return kind_of(sig) is Kind.GROUP and not list(_flat(sig))


class Run:
    """Runs a work-flow to its end, every call with success, as workers do it."""

    def __init__(self, sig: Signature, new_id: Callable[[], str], turn: int = 0) -> None:
        self.whole = frozen(sig, new_id)
        self.sent: list[Signature] = []
        self.opened: dict[str, int] = {}
        self.values: dict[str, Any] = {}
        self._parts: dict[str, dict[str, tuple[int, Any]]] = defaultdict(dict)
        self._queue: deque[Signature] = deque()
        self._send(unfold(self.whole))
        while self._queue:
            self._queue.rotate(turn)
            self._run(self._queue.popleft())

    @property
    def result(self) -> Any:
        return self._value_of(result_tuple(self.whole))

    def _send(self, unfolded: Unfolded) -> None:
        for opening in unfolded.opens:
            assert opening.group_id not in self.opened, "a chord was opened twice"
            self.opened[opening.group_id] = opening.size
        self.sent += unfolded.calls
        self._queue.extend(unfolded.calls)

    def _run(self, message: Signature) -> None:
        id_, options = message.options["task_id"], message.options
        self.values[id_] = value = [message.task, *message.args]
        if rest := list(options.get("chain") or ()):
            self._follow(rest.pop(), value, rest)
        if body := options.get("chord"):
            parts = self._parts[options["group_id"]]
            parts[id_] = options["group_index"], value
            if len(parts) == body["chord_size"]:
                inorder = [value for _, value in sorted(parts.values(), key=lambda one: one[0])]
                assert [at for at, _ in sorted(parts.values())] == list(range(len(parts)))
                self._follow(body, in_shape(inorder, body.get("chord_shape")), ())

    def _follow(self, stored: Any, value: Any, rest: Any) -> None:
        def none_is_left() -> str:
            raise AssertionError("an id was missing")

        sig = applied(Signature.from_dict(stored), (value,))
        self._send(unfold(frozen(sig, none_is_left), rest))

    def _value_of(self, result: Any) -> Any:
        (id_, _), children = result
        return self.values[id_] if children is None else [self._value_of(one) for one in children]
