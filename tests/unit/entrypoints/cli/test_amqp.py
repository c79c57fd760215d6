"""`celeriac amqp` over kombu's transport that keeps messages in a folder."""

from pathlib import Path

import pytest

from celeriac import Celeriac

from .conftest import CeleriacCommand


@pytest.fixture
def amqp(celeriac: CeleriacCommand, tmp_path: Path):
    folder = str(tmp_path / "queues")
    (tmp_path / "queues").mkdir()
    options = {"data_folder_in": folder, "data_folder_out": folder}
    options["control_folder"] = str(tmp_path / "control")
    app = Celeriac("shop", broker="filesystem://", backend="memory://", set_as_current=False)
    app.conf.broker_transport_options = options
    yield lambda *words, **more: celeriac("amqp", *words, given=app, **more)
    app.close()


def test_a_message_is_published_got_and_acknowledged_in_one_session(amqp):
    lines = [
        "exchange.declare books direct",
        "queue.declare read",
        "queue.bind read books by-hand",
        "basic.publish 'two words' books by-hand",
        "basic.get read",
        "exit",
        "queue.delete read",
    ]

    done = amqp(input="\n".join(lines))

    assert done.exit_code == 0, done.output
    assert "queue:read messages:0 consumers:" in done.stdout
    assert "two words" in done.stdout
    assert done.stdout.count("OK\n") == 5


def test_each_command_stands_alone_too(amqp):
    amqp("queue.declare", "read")
    published = amqp("basic.publish", "hello", "", "read")
    counted = amqp("queue.declare", "read")
    got = amqp("basic.get", "read", "1")
    purged = amqp("queue.purge", "read")

    assert published.stdout == "OK\n", published.output
    assert "queue:read messages:1 " in counted.stdout
    assert "hello" in got.stdout
    assert purged.stdout == "0 messages deleted.\nOK\n"


def test_an_empty_queue_has_nothing_to_get(amqp):
    amqp("queue.declare", "read")

    assert amqp("basic.get", "read").stdout == "no message waits in read\nOK\n"


def test_what_was_not_got_in_a_session_cannot_be_acknowledged_in_it(amqp):
    done = amqp("basic.ack", "7")

    assert done.exit_code == 1
    assert "no message 7 was got in this session" in done.output


def test_a_line_that_is_wrong_does_not_end_the_session(amqp):
    done = amqp(
        "repl", input="dance\nqueue.declare\nqueue.declare read maybe\n'\n\nqueue.declare q\n"
    )

    assert done.exit_code == 0
    assert "commands: basic.ack, basic.get, " in done.output
    assert "Missing argument 'QUEUE'" in done.output
    assert "'maybe' is not a valid boolean" in done.output
    assert "No closing quotation" in done.output
    assert "queue:q messages:0 " in done.output


def test_a_broker_that_kombu_cannot_reach_is_refused(celeriac: CeleriacCommand):
    done = celeriac("amqp", "queue.declare", "read")

    assert done.exit_code == 1
    assert "the command amqp takes messages by kombu, which cannot reach memory://" in done.output


def test_a_broker_that_is_away_is_told_of_with_its_own_exit_code(celeriac: CeleriacCommand):
    with Celeriac("shop", broker="amqp://guest@localhost:1//", set_as_current=False) as away:
        done = celeriac("amqp", "queue.declare", "read", given=away)

    assert done.exit_code == 69
    assert "does not answer" in done.output
