"""`celeriac queues`, on an app that lives in memory."""

import json

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.testing import work_off

from .conftest import CeleriacCommand


@pytest.fixture
def with_a_dead_letter(app: Celeriac):
    app.send_task("shop.gone")
    work_off(app)


def listed(celeriac: CeleriacCommand, *words: str) -> list[dict[str, object]]:
    return json.loads(celeriac("queues", *words, "--json").output)


def test_queues_are_listed_with_what_waits(celeriac: CeleriacCommand, app: Celeriac):
    app.send_task("shop.add", (1, 2))
    app.send_task("shop.add", (1, 2), queue="far")

    shown = celeriac("queues", "-Q", "celery,far,empty")

    assert shown.exit_code == 0
    assert [line.split() for line in shown.output.splitlines()] == [
        ["queue", "waiting", "paused", "dead"],
        ["celery", "1", "no", "0"],
        ["far", "1", "no", "0"],
        ["empty", "0", "no", "0"],
    ]


def test_a_paused_queue_gives_nothing_until_it_is_resumed(celeriac: CeleriacCommand, app: Celeriac):
    app.send_task("shop.add", (1, 2))

    assert celeriac("queues", "pause", "celery").output == "celery is paused.\n"
    assert listed(celeriac)[0]["paused"] is True
    assert work_off(app) == 0
    assert celeriac("queues", "resume", "celery").output == "celery is resumed.\n"

    assert listed(celeriac)[0]["paused"] is False
    assert work_off(app) == 1


@pytest.mark.usefixtures("with_a_dead_letter")
def test_dead_letters_are_shown_with_the_reason(celeriac: CeleriacCommand):
    shown = celeriac("queues", "dead", "celery")

    assert listed(celeriac)[0]["dead"] == 1
    assert "shop.gone[" in shown.output
    assert "unknown-task" in shown.output
    assert "no task is registered under 'shop.gone'" in shown.output
    (letter,) = json.loads(celeriac("queues", "dead", "celery", "-j").output)
    assert letter["task"] == "shop.gone"


@pytest.mark.usefixtures("with_a_dead_letter")
def test_dead_letters_are_put_back(celeriac: CeleriacCommand, app: Celeriac):
    app.task(name="shop.gone")(lambda: 1)

    revived = celeriac("queues", "dead", "celery", "--revive")

    assert revived.output == "Revived 1 dead letter of celery.\n"
    assert work_off(app) == 1
    assert celeriac("queues", "dead", "celery").output == "celery has no dead letters.\n"


@pytest.mark.usefixtures("with_a_dead_letter")
def test_one_dead_letter_is_chosen_by_its_tag(celeriac: CeleriacCommand):
    (letter,) = json.loads(celeriac("queues", "dead", "celery", "-j").output)

    wrong = celeriac("queues", "dead", "celery", "--revive", "--tag", "nowhere")
    right = celeriac("queues", "dead", "celery", "--revive", "--tag", str(letter["tag"]))

    assert wrong.exit_code == 1
    assert "celery has no dead letter nowhere" in wrong.output
    assert right.output == "Revived 1 dead letter of celery.\n"


def test_a_pause_needs_a_queue(celeriac: CeleriacCommand):
    assert celeriac("queues", "pause").exit_code == 2
