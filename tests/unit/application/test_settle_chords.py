"""Chords where broker and results are two stores: the one who is told joins, then acknowledges."""

from functools import partial

import pytest

from celeriac.adapters.memory import MemoryResults, MemoryStore
from celeriac.application.settle import SeparateSettler
from celeriac.domain.canvas.chords import ChordGrowth, ChordOpening, ChordPart, Contribution
from celeriac.domain.errors import BackendUnavailable
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.tasks.builtin_names import JOIN_CHORD
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.job import Report
from celeriac.domain.work.settlement import Settlement

#: More steps than any of these settlements takes.
STEPS = 20


def message(task_id, task="shop.add", queue="q"):
    return TaskMessage(task_id, task, b"[[], {}, {}]", queue=queue)


def contribution(task_id, index=0, size=2, group="g", state="SUCCESS"):
    part = ChordPart(group, task_id, index, size, state)
    return Contribution(part, message(f"join-{group}", JOIN_CHORD, "joins"))


def join(number, completion, fetch):
    """What the join task does: the body is sent, or a failure handed to the outer chord."""
    parts = fetch(completion.id.removeprefix("join-"))
    failed = any(part.state == "FAILURE" for part in parts)
    if failed and parts[0].group_id == "g":
        return Report(number, "FAILURE", parts=(contribution("g-body", 0, 1, "outer", "FAILURE"),))
    ids = ",".join(part.task_id for part in parts)
    body = message(f"{parts[0].group_id}({ids})", queue="bodies")
    return Report(number, "SUCCESS", publish=(body,), results=(ResultRecord("joined", "SUCCESS"),))


@pytest.fixture
def far(clock):
    """Results in a store of their own."""
    return MemoryResults(MemoryStore(clock))


def delivered(broker, count):
    broker.publish([message(f"m{n}") for n in range(count)], deadline=1)
    return [delivery.token for delivery in broker.claim(["q"], count, 0)]


def bodies(broker):
    return [sent.id for sent in broker.peek("bodies", 99)]


class Away:
    """A store that is away when it is asked for the so-manyth time, before or after it acts."""

    def __init__(self, stores, step, after):
        self._stores, self._step, self._after = stores, step, after
        self.capabilities = stores[0].capabilities
        self.asked = []

    def __getattr__(self, name):
        act = next(getattr(one, name) for one in self._stores if hasattr(one, name))
        if name == "settle":
            act = self._stores[1].settle
        return partial(self._do, name, act)

    def _do(self, name, act, *args, **kwargs):
        self.asked.append(name)
        is_last = len(self.asked) == self._step
        if is_last and not self._after:
            raise BackendUnavailable("away")
        answer = act(*args, **kwargs)
        if is_last:
            raise BackendUnavailable("away")
        return answer


def test_the_one_who_counts_the_last_part_joins_before_it_acknowledges(broker, far):
    one, two = delivered(broker, 2)
    stores = Away((far, broker), 0, after=False)
    settler = SeparateSettler(stores, stores, 5.0, join)

    settler.settle([Settlement(one, parts=(contribution("a"),))])
    assert stores.asked == ["count_parts", "settle"]
    stores.asked.clear()
    settler.settle([Settlement(two, parts=(contribution("b", 1),))])

    assert stores.asked == [
        *("count_parts", "fetch_parts", "publish", "store", "close_chords", "settle")
    ]
    assert bodies(broker) == ["g(a,b)"]
    assert broker.depth(["joins"]) == {"joins": 0}
    assert far.fetch_parts("g") == []


def test_a_chord_is_opened_and_grown_before_what_is_published_can_be_counted(broker, far):
    (token,) = delivered(broker, 1)
    stores = Away((far, broker), 0, after=False)

    SeparateSettler(stores, stores, 5.0, join).settle(
        [
            Settlement(
                token,
                publish=(message("header"),),
                opens=(ChordOpening("new", 2),),
                grows=(ChordGrowth("g", 1, "added"),),
            )
        ]
    )

    assert stores.asked == ["open_chords", "grow_chords", "publish", "settle"]


def test_the_chord_a_join_task_completes_elsewhere_is_closed(broker, far):
    (token,) = delivered(broker, 1)
    far.count_parts([contribution("a", size=1).part])

    SeparateSettler(broker, far, 5.0, join).settle([Settlement(token, closes=("g",))])

    assert far.fetch_parts("g") == []
    assert not far.count_parts([contribution("a", size=1).part])[0].due


def test_a_chord_that_failed_hands_its_failure_to_the_chord_around_it(broker, far):
    (token,) = delivered(broker, 1)
    stores = Away((far, broker), 0, after=False)

    SeparateSettler(stores, stores, 5.0, join).settle(
        [Settlement(token, parts=(contribution("a", size=1, state="FAILURE"),))]
    )

    assert bodies(broker) == ["outer(g-body)"]
    steps = [name for name in stores.asked if name in ("count_parts", "close_chords")]
    assert steps == ["count_parts", "count_parts", "close_chords", "close_chords"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, STEPS))
def test_a_chord_grows_once_though_the_worker_that_grew_it_dies(broker, far, step, after):
    one, two = delivered(broker, 2)
    adding = [Settlement(one, grows=(ChordGrowth("g", 1, "b"),), parts=(contribution("a", 0, 1),))]
    dying = Away((far, broker), step, after)

    try:
        SeparateSettler(dying, dying, 5.0, join).settle(adding)
    except BackendUnavailable:
        SeparateSettler(broker, far, 5.0, join).settle(adding)
    assert bodies(broker) == []
    SeparateSettler(broker, far, 5.0, join).settle(
        [Settlement(two, parts=(contribution("b", 1, 1),))]
    )

    assert bodies(broker) == ["g(a,b)"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, STEPS))
@pytest.mark.parametrize("state", ["SUCCESS", "FAILURE"])
def test_a_worker_that_dies_at_any_step_leaves_a_body_for_the_next_one(
    broker, far, state, step, after
):
    one, two = delivered(broker, 2)
    body = "g(a,b)" if state == "SUCCESS" else "outer(g-body)"
    batch = [
        Settlement(one, parts=(contribution("a"),)),
        Settlement(two, parts=(contribution("b", 1, state=state),)),
    ]
    dying = Away((far, broker), step, after)

    try:
        SeparateSettler(dying, dying, 5.0, join).settle(batch)
    except BackendUnavailable:
        SeparateSettler(broker, far, 5.0, join).settle(batch)

    assert set(bodies(broker)) == {body}
    assert len(bodies(broker)) <= 2
    assert broker.mark_started([one, two]) == [False, False]
    published = len(bodies(broker))
    SeparateSettler(broker, far, 5.0, join).settle(batch)
    assert len(bodies(broker)) == published


@pytest.mark.parametrize("step", range(1, STEPS))
def test_a_worker_that_asks_again_publishes_the_body_once(broker, far, step):
    (token,) = delivered(broker, 1)
    away = Away((far, broker), step, after=False)
    settler = SeparateSettler(away, away, 5.0, join)
    batch = [Settlement(token, parts=(contribution("a", size=1),))]

    try:
        settler.settle(batch)
    except BackendUnavailable:
        settler.settle(batch)

    assert bodies(broker) == ["g(a)"]
    assert broker.mark_started([token]) == [False]


def test_without_a_join_parts_are_refused_when_they_are_due(broker, far):
    (token,) = delivered(broker, 1)

    with pytest.raises(RuntimeError, match="`join`"):
        SeparateSettler(broker, far, 5.0).settle(
            [Settlement(token, parts=(contribution("a", size=1),))]
        )
