"""`celeriac migrate`: between two brokers that are files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.library.app import Celeriac as App

from .conftest import CeleriacCommand


class Brokers:
    """Two brokers; apps that look at them."""

    def __init__(self, folder: Path) -> None:
        self.urls = [f"sqlite:///{folder / name}.sqlite3" for name in ("old", "new")]
        self.old, self.new = (
            Celeriac("shop", broker=url, backend="memory://", set_as_current=False)
            for url in self.urls
        )

    def waiting(self, app: App, *queues: str) -> list[str]:
        names = queues or ("celery",)
        return [task.id for queue in names for task in app.broker.peek(queue, 100)]


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Brokers]:
    made = Brokers(tmp_path)
    yield made
    made.old.close()
    made.new.close()


@pytest.fixture
def migrate(celeriac: CeleriacCommand, brokers: Brokers):
    return lambda *words: celeriac("migrate", *brokers.urls, "-t", "0.05", *words)


def test_tasks_are_copied_and_stay_where_they_were(migrate, brokers: Brokers):
    sent = [brokers.old.send_task("shop.add", (n, n)).id for n in range(3)]

    done = migrate()

    assert done.exit_code == 0, done.output
    assert done.output.endswith("3 copied.\n")
    assert f"Migrating task 1/3: shop.add[{sent[0]}]" in done.output
    assert brokers.waiting(brokers.new) == brokers.waiting(brokers.old) == sent


def test_tasks_that_are_acknowledged_are_moved(migrate, brokers: Brokers):
    sent = [brokers.old.send_task("shop.add", (n, n)).id for n in range(3)]

    done = migrate("--ack-messages")

    assert done.output.endswith("3 moved.\n"), done.output
    assert (brokers.waiting(brokers.new), brokers.waiting(brokers.old)) == (sent, [])


@pytest.mark.parametrize("more", [[], ["-a"]])
def test_only_so_many_of_these_names_and_queues_go(migrate, brokers: Brokers, more: list[str]):
    ids = {
        (name, queue): brokers.old.send_task(f"shop.{name}", queue=queue).id
        for name in ("add", "fail")
        for queue in ("one", "two", "three")
    }

    done = migrate("-T", "shop.add", "-Q", "one,two:second", *more)

    assert done.exit_code == 0, done.output
    there = brokers.waiting(brokers.new, "one", "two", "second", "three")
    assert there == [ids["add", "one"], ids["add", "two"]]
    assert brokers.waiting(brokers.new, "second") == [ids["add", "two"]]


@pytest.mark.parametrize("more", [[], ["-a"]])
def test_no_more_than_the_limit_go(migrate, brokers: Brokers, more: list[str]):
    sent = [brokers.old.send_task("shop.add", (n, n)).id for n in range(5)]

    migrate("-n", "2", *more)

    assert brokers.waiting(brokers.new) == sent[:2]


def test_one_broker_is_not_two(celeriac: CeleriacCommand, brokers: Brokers):
    done = celeriac("migrate", brokers.urls[0], brokers.urls[0])

    assert done.exit_code == 2
    assert "source and destination are the same broker" in done.output
