"""A RabbitMQ that goes away, and one that takes deliveries back: on a server of the tests' own."""

from __future__ import annotations

import secrets
import time

import pytest

from celeriac.domain.errors import BrokerUnavailable
from tests.integration.cli.running import eventually
from tests.integration.redis.load import DEADLINE, Load
from tests.servers.processes import eventually as until_it_is_up
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.server import Unavailable

from .place import AmqpPlace
from .silent_way import SilentWay

pytestmark = [pytest.mark.needs_server("redis"), pytest.mark.slow]

#: Seconds after which this server takes back what is not acknowledged.
CONSUMER_TIMEOUT = 3
#: Seconds after a server's return within which work goes on.
RESUMED = 8


@pytest.fixture(scope="module")
def server():
    """A private node: its URL, and how to tell it something."""
    rabbitmq = RabbitMQ()
    try:
        running = rabbitmq.start()
    except Unavailable as why:
        pytest.skip(str(why))
    try:
        until_it_is_up(lambda: rabbitmq.check(running.url), "rabbitmq")
        control = rabbitmq._control[running.url]
        until_it_is_up(lambda: control(["await_startup"]), "rabbitmq")
        yield running.url, control
    finally:
        running.stop()


@pytest.fixture
def make_place(tmp_path, server, redis_url):
    made = []

    def make(**conf):
        made.append(AmqpPlace(tmp_path, f"{server[0]}//", redis_url, **conf))
        return made[-1]

    yield make
    for place in made:
        place.close()
    assert [left for place in made for left in place.left_over()] == []


def test_work_goes_on_when_the_server_is_back(make_place, server):
    _, control = server
    place = make_place()
    worker = place.worker("-c", "2")
    before = [place.send("nap", f"b{n}", 0.01) for n in range(5)]
    assert [one.get(timeout=20) for one in before] == [f"b{n}" for n in range(5)]
    running = place.send("nap", "over", 4.0)
    place.until_begun("over")

    control(["stop_app"])
    place.app.conf.update(task_publish_retry=False)
    began = time.monotonic()
    with pytest.raises(BrokerUnavailable):
        place.send("add", 1, 1, retry=False)
    assert time.monotonic() - began < 8
    control(["start_app"])
    back = time.monotonic()

    after = []
    eventually(lambda: _sent(place, after), lambda: str(place))
    assert after[0].get(timeout=20) == 5
    assert time.monotonic() - back < 8
    # It had been acknowledged when it began: no connection is needed for it to end.
    assert running.get(timeout=20) == "over"
    assert len([line for line in place.marks() if line.startswith("begin over")]) == 1
    assert worker.stop() == 0


@pytest.mark.needs_server("rabbitmq")
def test_a_server_that_takes_connections_and_says_nothing_costs_no_lease(
    tmp_path, rabbitmq_url, redis_url
):
    way = SilentWay(rabbitmq_url)
    place = AmqpPlace(tmp_path, rabbitmq_url, redis_url, worker_lease=1.5)
    try:
        cut_off = place.worker("-c", "1", conf={"broker_url": way.url})
        running = place.send("nap", "over", 8.0)
        place.until_begun("over")
        other = place.worker("-c", "1")

        way.fall_silent()
        assert running.get(timeout=20) == "over"
        way.speak()

        assert "the lease of" not in cut_off.output
        assert cut_off.stop() == other.stop() == 0
    finally:
        place.close()
        way.close()
    assert place.left_over() == []


def test_all_that_was_accepted_is_done_when_the_server_restarts_under_load(
    tmp_path, server, redis_url
):
    url, control = server
    settings = {
        "broker_url": f"{url}//",
        "result_backend": redis_url,
        "task_default_queue": f"load-{secrets.token_hex(4)}",
    }
    with Load(tmp_path, settings) as load:
        for _ in range(2):
            load.until_ready(load.worker())
        load.begin(pause=0.02, seconds=0.05)
        resumed = []
        for _ in range(2):
            begun = len(load.marks())
            load.eventually(lambda n=begun: len(load.marks()) > n + 40, "no work before")
            control(["stop_app"])
            control(["start_app"])
            back = time.time()
            load.eventually(lambda at=back: load.first_end_after(at) < RESUMED, "no work after")
            resumed.append(load.first_end_after(back))
        load.end()
        load.until_all_are_over()
        ends = load.ends()

    assert set(ends) == {"late SUCCESS", "early SUCCESS"}, str(load)
    assert load.sent.slowest < DEADLINE + 2
    assert max(resumed) < RESUMED


def _sent(place, results):
    try:
        results.append(place.send("add", 2, 3))
    except BrokerUnavailable:
        return False
    return True


def test_a_task_that_is_longer_than_the_consumer_timeout(make_place, server):
    _, control = server
    control(["eval", f"application:set_env(rabbit, consumer_timeout, {CONSUMER_TIMEOUT * 1000})."])
    control(["eval", "application:set_env(rabbit, channel_tick_interval, 500)."])
    try:
        place = make_place()
        worker = place.worker("-c", "2")

        early = place.send("nap", "early", CONSUMER_TIMEOUT + 3.0)
        late = place.send("late_nap", "late", CONSUMER_TIMEOUT + 3.0)

        eventually(early.ready, lambda: str(place), 25)
        assert early.get(timeout=30) == "early"
        assert late.get(timeout=30) == "late"
        # What is acknowledged late was taken back meanwhile, and given to its run again.
        begun = [line.split()[1] for line in place.marks() if line.startswith("begin")]
        assert sorted(begun) == ["early", "late"]
        eventually(lambda: "consumer_timeout" in worker.output, lambda: str(place))
        assert place.send("add", 2, 3).get(timeout=20) == 5
        assert worker.stop() == 0
    finally:
        control(["eval", "application:set_env(rabbit, consumer_timeout, 1800000)."])
