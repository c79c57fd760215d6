"""The server goes away while workers work: what was accepted is done or accounted for.

Real workers in processes of their own, a client that sends all the time, and an account of every
task by its result.
"""

from __future__ import annotations

from time import sleep, time

import pytest

from tests.integration.redis.load import DEADLINE, Load
from tests.integration.redis.private import (
    KEEPING,
    eventually,
    needs_redis_server,
    server,
    watched_by_sentinels,
)

pytestmark = needs_redis_server
#: Seconds within which work goes on after the server is there again.
RETURN = 5.0


def settings_of(url, **options):
    shared = {"broker_transport_options": options, "result_backend_transport_options": options}
    return {"broker_url": url, "result_backend": url, **(shared if options else {})}


def begun(load):
    """Have one worker at work, and tasks under way."""
    load.until_ready(load.worker())
    load.begin()
    load.eventually(lambda: len(load.marks()) > 40, "no task is run")


def all_are_accounted_for(load):
    load.end()
    load.until_all_are_over()
    ends = load.ends()
    assert ends["late SUCCESS"] == sum(kind == "late" for kind in load.sent.accepted.values())
    assert set(ends) <= {"late SUCCESS", "early SUCCESS", "early FAILURE WorkerLostError"}
    assert load.repeated() == []
    assert load.sent.slowest < DEADLINE + 1
    return ends


@pytest.mark.parametrize("away", [0.5, 4.0], ids=["within-the-lease", "beyond-the-lease"])
def test_a_server_that_is_killed_and_started_again_has_lost_nothing(tmp_path, away):
    with server(*KEEPING) as one, Load(tmp_path, settings_of(one.url)) as load:
        begun(load)

        one.kill()
        sleep(away)
        one.start().answering()
        back = time()

        load.eventually(lambda: load.first_end_after(back) < RETURN, "no work after the return")
        sleep(0.5)
        ends = all_are_accounted_for(load)
        assert sum(ends.values()) >= 20
        assert load.workers[0].poll() is None


def test_workers_go_on_with_a_server_that_came_back_empty(tmp_path):
    with server("--save", "") as one, Load(tmp_path, settings_of(one.url)) as load:
        begun(load)

        one.kill()
        one.start().answering()
        load.sent.accepted.clear()
        back = time()

        load.eventually(lambda: load.first_end_after(back) < RETURN, "no work after the return")
        sleep(0.5)
        assert sum(all_are_accounted_for(load).values()) > 0
        assert load.workers[0].poll() is None


def test_a_server_that_is_silent_for_a_while_has_lost_nothing(tmp_path):
    with server(*KEEPING) as one, Load(tmp_path, settings_of(one.url)) as load:
        begun(load)

        one.hold()
        sleep(7)
        one.let_go()
        back = time()

        load.eventually(lambda: load.first_end_after(back) < RETURN, "no work after the return")
        sleep(0.5)
        all_are_accounted_for(load)
        assert load.sent.refused > 0
        assert load.workers[0].poll() is None


def test_clients_held_back_by_the_server_go_on_when_they_are_let_go(tmp_path):
    with server() as one, Load(tmp_path, settings_of(one.url)) as load:
        begun(load)

        one.says("CLIENT", "PAUSE", 4000, "ALL")
        back = time() + 4
        sleep(4)

        load.eventually(lambda: load.first_end_after(back) < RETURN, "no work after the pause")
        all_are_accounted_for(load)


def test_another_server_takes_over_as_the_sentinels_say(tmp_path):
    with watched_by_sentinels() as (primary, replica, sentinels):
        url = ";".join(one.url.replace("redis", "sentinel", 1) for one in sentinels)
        with Load(tmp_path, settings_of(url, master_name="mymaster")) as load:
            begun(load)

            primary.kill()
            eventually(lambda: replica.says("ROLE")[0] == "master", "nobody became the primary")
            back = time()

            load.eventually(lambda: load.first_end_after(back) < RETURN, "no work after it")
            sleep(0.5)
            all_are_accounted_for(load)
            assert load.workers[0].poll() is None
