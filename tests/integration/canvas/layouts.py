"""Prints how work-flows are laid out, in the words of the library named: celeriac or celery.

Run by itself, since a process may know either of them by Celery's names.
"""

import importlib
import json
import re
import sys
import warnings
from typing import Any

EXPRESSIONS = """
a | b
a | b | c
(a | b) | (c | d)
a | (b | c)
chain(a, b, c)
chain([a, b])
chain(a)
chain([a])
chain()
chain(x for x in (a, b))
chain(a, b, queue="q")
group(a, b)
group([a, b])
group(a)
group()
group(x for x in (a, b))
group(group(a, b))
group(a, group(b, c))
group(a, b, queue="q")
group(a, b) | c
group(a, b) | c | d
a | group(b, c)
a | group(b)
a | group()
a | group(b, c) | d
a | group(b, c) | d | e
a | group(b, c) | d | group(e, f)
a | group(b, c) | group(d, e)
a | group(b, c) | group(d, e) | f
group(a, b) | group(c, d)
group(a, b) | group(c, d) | e
group(a, b) | (c | d)
group(a, b) | group()
group(a) | b
chain(group(a), b)
chain(group(a, b))
chain([group(a, b)])
chain(group(a, b), c)
chain(group(a, b), c, d)
chain(group(a, b), group(c, d), e)
chain(a, group(b, c), d)
chain(a, group(b, c), d, e)
chain(a, group(b, c), d, group(e, f), a)
chain(a, chain(b, group(c, d)), e)
chain(a, group(), b)
chain(group(), a)
chain(group(), group())
chord([a, b], c)
chord(group(a, b), c)
chord(chain(a, b), c)
chord(a, c)
chord((x for x in (a, b)), c)
chord([a, b])
chord([a, b], c, queue="q")
chord([a, b], c) | d
chord([a, b], c) | d | e
chord([a, b], c) | group(d, e)
chord([a, b], c) | group(d)
chord([a, b], c) | (d | e)
chord([a, b], c) | chord([d, e], f)
a | chord([b, c], d)
a | chord([b, c], d) | e
a | chord([b, c], d) | group(e, f)
a | chord([b, c], d) | chord([e, f], a)
chain(a, chord([b, c], d), e)
chain(a, chord([b, c], d), chord([e, f], a))
chain(chord([b, c], d), e)
chord([chord([a, b], c), d], e)
chord([a | b, c], d | e)
chord([a, b], group(c, d))
chord([a, b], chord([c, d], e))
chord([], c)
group(a | b, c) | d
group(chord([a, b], c), d)
a.clone((9,), {"k": 1}, queue="q")
a.clone(queue="q").set(priority=3)
a.replace(args=(5,), options={"queue": "z"})
a | b.clone((1,), immutable=True)
(a | b).set(queue="q")
group(a, b).set(queue="q")
chord([a, b], c).set(queue="q")
chord([a, b], c).clone((9,))
a.on_error(e)
(a | b).on_error(e)
(a | b).on_error(e) | c
group(a, b).on_error(e)
group(a, b).on_error(e) | c
chord([a, b], c).on_error(e)
linked(a | b, c)
linked(a | b, c) | d
linked(group(a, b), c)
linked(chord([a, b], c), d)
linked(chord([a, b], group(c, d)), e)
immutable(group(a, b))
immutable(chord([a, b], c))
immutable(a | b)
xmap(a, [1, 2])
xmap(a, [1, 2]) | b
xstarmap(a, [(1, 2)])
chunks(a, [(1, 2), (3, 4), (5, 6)], 2)
chunks(a, [(1, 2), (3, 4), (5, 6)], 2).group()
chunks(a, [(1, 2), (3, 4), (5, 6)], 2).group() | b
stamped(a)
stamped(a | b)
stamped(group(a, b))
stamped(chord([a, b], c))
stamped(a.on_error(e))
visited(a)
visited(a | b)
visited(group(a, b))
visited(chord([a, b], c))
visited(chord([a, group(b, c)], d | e))
visited(a | group(b, c | d) | e)
visited(linked(a, b).on_error(c))
visited(linked(a | b, c).on_error(d))
visited(stamped(group(a, b)))
appended(stamped(a))
appended(stamped(group(a, chord([b, c], d))))
""".strip().splitlines()

#: Nothing can be made of these: there is no link, or no body.
NOTHING = {"chain()", "chain(group(), group())", "chord([a, b])"}

#: Those made of the six tasks by operators alone, so that any worker with the tasks can run them.
RUNNABLE = [
    one
    for one in EXPRESSIONS
    if one not in NOTHING and re.fullmatch(r"([a-f |,()\[\]]|chain|group|chord|for|x|in)*", one)
]


def main(library: str) -> None:
    warnings.simplefilter("ignore")
    canvas = importlib.import_module(f"{library}.canvas")
    make = importlib.import_module(library)
    backend = "cache+memory://" if library == "celery" else "memory://"
    app = make.Celery("layouts", broker="memory://", backend=backend)
    tasks = [app.task(name=name)(_echo) for name in "abcdef"]
    operations = {**_OPERATIONS, **_visits(canvas.StampingVisitor)}
    out = {}
    for expression in EXPRESSIONS:
        # New ones each time: some expressions change what they are made of.
        names = {task.name: task.s(number) for number, task in enumerate(tasks)}
        made = eval(expression, {**vars(canvas), **names, **operations})  # noqa: S307 - ours, above
        laid_out = _written(made)
        try:
            made.freeze()
        except Exception as error:
            frozen: Any = repr(error)
        else:
            frozen = _written(made)
        out[expression] = laid_out, frozen
    json.dump(out, sys.stdout)


def _echo(*args: Any) -> Any:
    return args


def _linked(sig: Any, callback: Any) -> Any:
    sig.link(callback)
    return sig


def _stamped(sig: Any) -> Any:
    sig.stamp(by="me")
    return sig


def _visits(visitor: Any) -> dict[str, Any]:
    class Visitor(visitor):
        def on_signature(self, sig: Any, **headers: Any) -> Any:
            return {"on": sig.task, "by": "visitor"}

        def on_group_start(self, group: Any, **headers: Any) -> Any:
            return {"of_group": len(group.tasks)}

        def on_chain_start(self, chain: Any, **headers: Any) -> Any:
            return {"of_chain": 1, "unnamed": 2, "stamped_headers": ["of_chain"]}

        def on_chord_body(self, sig: Any, **headers: Any) -> Any:
            return {"of_body": sorted(headers)}

        def on_callback(self, callback: Any, **headers: Any) -> Any:
            return {"of_callback": True}

        def on_errback(self, errback: Any, **headers: Any) -> Any:
            return {"of_errback": ["of", "many"]}

    def visited(sig: Any, append: bool = False) -> Any:
        sig.stamp(Visitor(), append_stamps=append, at="noon")
        return sig

    return {"visited": visited, "appended": lambda sig: visited(sig, append=True)}


_OPERATIONS = {
    "linked": _linked,
    "stamped": _stamped,
    "immutable": lambda sig: sig.set(immutable=True),
}


def _written(sig: Any) -> Any:
    return _sorted_stamps(json.loads(json.dumps(sig, default=list)))


def _sorted_stamps(value: Any) -> Any:
    """Return the same with names of stamps in order: Celery has them in any."""
    if isinstance(value, list):
        return [_sorted_stamps(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: sorted(one) if name == "stamped_headers" else _sorted_stamps(one)
        for name, one in value.items()
    }


if __name__ == "__main__":
    main(sys.argv[1])
