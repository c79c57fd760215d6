"""Celery's processes and ours on one folder: client of one, worker of the other."""

import signal
import time
from importlib import util

import pytest

from celeriac.domain.tasks import states
from tests.integration.cli.running import eventually

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]


def test_celerys_client_is_served_by_our_worker(folder_place):
    folder_place.worker("-c", "2")

    answers = folder_place.ask_by_celery()

    waited = answers.pop("late")
    assert answers == {
        "add": 5,
        "linked": 7,
        "chained": 13,
        "again": 2,
        "failed": [states.FAILURE, "ValueError", "this shop is closed"],
    }
    assert 2.0 <= waited < 10
    eventually(lambda: "noted 7" in folder_place.marks(), lambda: str(folder_place))
    assert list((folder_place.folder / "messages").glob("*.msg*")) == []


def test_our_client_is_served_by_celerys_worker(folder_place):
    place = folder_place
    early = place.send("add", 2, 3)
    place.worker("-c", "2", "--without-gossip", "--without-mingle", kind="celery")

    late = place.send("when", countdown=2)
    sent = time.time()
    linked = place.send("add", 3, 4, link=place.app.signature("shop.note"))
    again = place.send("again", 2)
    failed = place.send("fail")

    assert early.get(timeout=20) == 5
    assert linked.get(timeout=20) == 7
    assert again.get(timeout=20) == 2
    assert isinstance(failed.get(timeout=20, propagate=False), ValueError)
    assert late.get(timeout=20) - sent >= 1.9
    eventually(lambda: "noted 7" in place.marks(), lambda: str(place))


def test_what_a_killed_worker_had_begun_is_accounted_for(folder_place):
    conf = {"worker_lease": 3.0}
    first = folder_place.worker("-c", "2", conf=conf)
    late, early = folder_place.send("late_nap", "late", 60), folder_place.send("nap", "early", 60)
    eventually(
        lambda: (
            {"begin late", "begin early"}
            <= {" ".join(line.split()[:2]) for line in folder_place.marks()}
        ),
        lambda: str(folder_place),
    )

    first.stop(signal.SIGKILL)
    folder_place.worker("-c", "2", conf=conf)

    assert late.get(timeout=25) == "late"
    assert type(early.get(timeout=25, propagate=False)).__name__ == "WorkerLostError"


@pytest.mark.parametrize("kind", ["celery", "celeriac"])
def test_nothing_but_a_folder_is_needed(folder_place, kind):
    place = folder_place
    place.conf["result_backend"] = place.app.conf.result_backend = "rpc://"
    place.worker("-c", "1", *(["--without-gossip"] if kind == "celery" else []), kind=kind)

    added, failed = place.send("add", 2, 3), place.send("fail")
    again = place.send("again", 1)

    assert added.get(timeout=20) == 5
    assert isinstance(failed.get(timeout=20, propagate=False), ValueError)
    assert again.get(timeout=20) == 1
    place.app.close()
