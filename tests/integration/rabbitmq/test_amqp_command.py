"""`celeriac amqp` at RabbitMQ: commands by hand, and what it refuses."""

import secrets
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from celeriac import Celeriac
from celeriac.entrypoints.cli import program
from celeriac.entrypoints.cli.session import Session

pytestmark = pytest.mark.needs_server("rabbitmq")


class Hand:
    """Types lines into one session."""

    def __init__(self, app: Celeriac) -> None:
        self._app, self.queue = app, f"by-hand-{secrets.token_hex(4)}"

    def types(self, *lines: str) -> Result:
        text = "\n".join(line.replace("QUEUE", self.queue) for line in lines)
        return CliRunner().invoke(program, ["amqp"], obj=Session(given=self._app), input=text)


@pytest.fixture
def hand(rabbitmq_url: str) -> Iterator[Hand]:
    with Celeriac("shop", broker=rabbitmq_url, backend="memory://", set_as_current=False) as app:
        made = Hand(app)
        assert made.types("queue.declare QUEUE").exit_code == 0
        yield made
        made.types("queue.delete QUEUE")


def test_what_is_not_acknowledged_goes_back_at_the_end(hand: Hand):
    first = hand.types("basic.publish hello '' QUEUE", "basic.get QUEUE")
    second = hand.types("basic.get QUEUE", "basic.ack 1")
    third = hand.types("basic.get QUEUE")

    assert "'body': 'hello'" in first.stdout
    assert "'redelivered': False" in first.stdout
    assert "'redelivered': True" in second.stdout
    assert f"no message waits in {hand.queue}" in third.stdout


def test_a_refusal_is_told_of_and_the_session_goes_on(hand: Hand):
    done = hand.types("queue.declare QUEUE 0 0 1", "queue.declare QUEUE 1")

    assert done.exit_code == 0
    assert "PRECONDITION_FAILED" in done.stderr
    assert f"queue:{hand.queue} messages:0 consumers:0\nOK\n" in done.stdout


def test_a_bound_queue_gets_what_is_published_to_its_exchange(hand: Hand):
    done = hand.types(
        "exchange.declare QUEUE.x topic",
        "queue.bind QUEUE QUEUE.x tea.#",
        "basic.publish green QUEUE.x tea.leaf",
        "basic.publish black QUEUE.x coffee",
        "queue.purge QUEUE",
        "exchange.delete QUEUE.x",
    )

    assert done.exit_code == 0
    assert "1 messages deleted.\nOK\n" in done.stdout
    assert done.stdout.count("OK\n") == 6, done.output
