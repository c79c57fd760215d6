"""Users' own steps: their order, and their moments in a worker's life."""

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import NotSupported
from celeriac.entrypoints.celery_modules.worker_components import Pool
from celeriac.entrypoints.library.bootsteps import (
    Blueprint,
    ConsumerStep,
    StartStopStep,
    Step,
    resolved,
)
from celeriac.entrypoints.testing import running_worker


class Parent:
    def __init__(self):
        self.steps = []
        self.said = []


class Saying(StartStopStep):
    """Says what is done to it."""

    def __init__(self, parent, **kwargs):
        self.kwargs = kwargs

    def start(self, parent):
        parent.said.append(f"start {self.alias}")

    def close(self, parent):
        parent.said.append(f"close {self.alias}")

    def stop(self, parent):
        parent.said.append(f"stop {self.alias}")

    def terminate(self, parent):
        parent.said.append(f"terminate {self.alias}")


class First(Saying):
    pass


class Second(Saying):
    requires = (First,)


class Third(Saying):
    requires = {f"{__name__}:Second"}  # noqa: RUF012 - as users write it


class Last(Saying):
    last = True


def test_steps_start_after_what_they_require_and_stop_before_it():
    parent = Parent()
    blueprint = Blueprint([Third, Last, First]).apply(parent)

    blueprint.start(parent)
    blueprint.stop(parent)

    assert parent.said == [
        *("start First", "start Second", "start Third", "start Last"),
        *("close First", "close Second", "close Third", "close Last"),
        *("stop Last", "stop Third", "stop Second", "stop First"),
    ]
    assert blueprint.human_state() == "terminating"


def test_a_step_that_fails_to_stop_does_not_keep_the_others():
    class Failing(Saying):
        requires = (First,)

        def terminate(self, parent):
            raise RuntimeError("no")

    parent = Parent()
    blueprint = Blueprint([Failing]).apply(parent)
    blueprint.start(parent)

    blueprint.stop(parent, terminate=True)

    assert parent.said[-1] == "terminate First"


def test_a_step_may_be_left_out_and_may_make_what_it_starts():
    class Service:
        began = ended = 0

        def start(self):
            self.began += 1

        def stop(self):
            self.ended += 1

    class Left(Saying):
        enabled = False

    class Making(StartStopStep):
        label = "making"

        def create(self, parent):
            return Service()

    parent = Parent()
    blueprint = Blueprint([Left, Making]).apply(parent)

    blueprint.start(parent)
    blueprint.stop(parent)

    [step] = parent.steps
    assert (step.obj.began, step.obj.ended, step.alias) == (1, 1, "making")
    assert parent.said == []


def test_names_of_celerys_steps_mean_ours_whether_or_not_celery_is_there():
    assert resolved("celery.worker.components:Pool") is Pool
    assert Pool.name == "celery.worker.components.Pool"
    with pytest.raises(ImportError, match=r"step 'celery\.worker\.nothing:Pool': there is no"):
        resolved("celery.worker.nothing:Pool")


@pytest.fixture
def app():
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as made:
        yield made


SAID: list[str] = []


class OfWorker(StartStopStep):
    requires = ("celery.worker.components:Pool", "celery.worker.components:Timer")

    def __init__(self, worker, shout=False, **options):
        SAID.append(f"made with shout={shout} for {worker.hostname}")

    def start(self, worker):
        SAID.append(
            f"start of worker, {worker.concurrency} slots, joined={worker.shell is not None}"
        )

    def stop(self, worker):
        SAID.append(f"stop of worker, {len(worker.app.steps['worker'])} step")

    def terminate(self, worker):
        SAID.append("terminate of worker")


class OfConsumer(StartStopStep):
    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, c):
        SAID.append(f"start of consumer of {c.hostname}, {c.pool is c.controller.pool}")

    def stop(self, c):
        SAID.append("stop of consumer")

    def shutdown(self, c):
        SAID.append("shutdown of consumer")


class OnlyMade(Step):
    def __init__(self, worker, **options):
        worker.mark = "made"


def test_users_steps_live_with_their_worker(app: Celeriac):
    SAID.clear()
    app.steps["worker"] |= {OfWorker, OnlyMade}
    app.steps["consumer"].add(OfConsumer)

    with running_worker(app, hostname="w@here", user_options={"shout": True}) as worker:
        assert worker.mark == "made"

    assert SAID == [
        "made with shout=True for w@here",
        "start of worker, 2 slots, joined=False",
        "start of consumer of w@here, True",
        "stop of consumer",
        "stop of worker, 2 step",
        "shutdown of consumer",
    ]


def test_a_cold_stop_terminates_them(app: Celeriac):
    SAID.clear()
    app.steps["worker"].add(OfWorker)

    with running_worker(app) as worker:
        worker.stop(cold=True)

    assert SAID[-1] == "terminate of worker"


def test_a_step_may_use_the_timer_until_the_worker_ends(app: Celeriac):
    from threading import Event

    class Beating(StartStopStep):
        requires = ("celery.worker.components:Timer",)
        beats = 0
        enough = Event()

        def start(self, worker):
            self.entry = worker.timer.call_repeatedly(0.01, self.beat, (1,), priority=10)
            worker.timer.call_after(0.0, self.fail)

        def beat(self, by):
            Beating.beats += by
            if Beating.beats >= 3:
                self.enough.set()

        def fail(self):
            raise RuntimeError("one call that fails ends no timer")

        def stop(self, worker):
            self.entry.cancel()

    app.steps["worker"].add(Beating)

    with running_worker(app):
        assert Beating.enough.wait(10)


class Listening(ConsumerStep):
    def get_consumers(self, channel):
        return []


def test_a_consumer_step_is_refused_where_kombu_does_not_reach(app: Celeriac):
    app.steps["consumer"].add(Listening)

    with pytest.raises(NotSupported, match="memory://"), running_worker(app):
        pass
