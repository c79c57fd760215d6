"""What stands on the wire, beside what Celery puts there."""

import subprocess
import sys

import pytest

from tests.integration.cli.running import eventually

from .conftest import TOPIC
from .talking import channel_of, count, taken

pytestmark = pytest.mark.needs_server("rabbitmq", "redis")

#: Who sent it, and when: what differs from one message to the next.
OF_SENDER = {"origin", "eta", "expires"}


def send_by_celery(place, call):
    done = subprocess.run(
        [sys.executable, "-c", f"import shop; {call}; shop.app.close()"],
        cwd=place.folder,
        env=place._environ(place.environ("celery")),
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_message_of_ours_looks_like_celerys(place, rabbitmq_url):
    send_by_celery(place, "shop.app.send_task('shop.add', (2, 3), task_id='same', expires=60)")
    place.send("add", 2, 3, task_id="same", expires=60)

    with channel_of(rabbitmq_url) as channel:
        theirs, ours = (taken(channel, place.queue) for _ in range(2))

    assert bytes(ours.body) == bytes(theirs.body)
    theirs_said, ours_said = dict(theirs.properties), dict(ours.properties)
    their_headers = theirs_said.pop("application_headers")
    our_headers = ours_said.pop("application_headers")
    assert our_headers.keys() == their_headers.keys()
    for name in their_headers.keys() - OF_SENDER:
        assert our_headers[name] == their_headers[name], name
    # Ours is not deleted when its time is over: a worker records that instead.
    assert theirs_said.pop("expiration")
    ours_said.pop("expiration", None)
    assert ours_said.keys() == theirs_said.keys()
    for name in theirs_said.keys() - {"reply_to"}:
        assert ours_said[name] == theirs_said[name], name


def test_a_transient_message_is_one_for_rabbitmq_after_it_has_waited_too(place, rabbitmq_url):
    place.send("add", 2, 3, delivery_mode="transient")
    place.send("add", 2, 3)
    place.send("add", 2, 3, delivery_mode="transient", countdown=1.5)

    with channel_of(rabbitmq_url) as channel:
        modes = [taken(channel, place.queue).properties["delivery_mode"] for _ in range(2)]
        eventually(lambda: count(channel, place.queue) == 1, lambda: str(place))
        modes.append(taken(channel, place.queue).properties["delivery_mode"])

    assert modes == [1, 2, 1]


@pytest.mark.parametrize("conf", [{}, TOPIC], ids=["classic", "topic"])
def test_what_is_not_due_leaves_the_memory_of_workers(make_place, rabbitmq_url, conf):
    place = make_place(**conf)
    worker = place.worker("-c", "1")
    # 1000 seconds begin with the 512 of level 9.
    with channel_of(rabbitmq_url) as channel:
        ladder_was_there = bool(conf)
        before = count(channel, "celery_delayed_9") if ladder_was_there else None

        place.send("add", 2, 3, countdown=1000)
        send_by_celery(place, "shop.add.apply_async((2, 3), countdown=1000)")

        before = 0 if before is None else before
        eventually(lambda: count(channel, "celery_delayed_9") >= before + 2, lambda: str(place))
        assert worker.stop() == 0
        assert count(channel, place.queue) == 0


def test_exchange_and_binding_are_there_for_who_publishes_by_them(place, rabbitmq_url):
    place.worker("-c", "1")

    with channel_of(rabbitmq_url) as channel:
        channel.exchange_declare(place.queue, "direct", durable=True, auto_delete=False)
        channel.queue_declare(place.queue, durable=True, auto_delete=False)

    assert place.send("add", 2, 3).get(timeout=20) == 5
