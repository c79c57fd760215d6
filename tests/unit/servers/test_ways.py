"""How a test server is had: which way wins, and what is said when none does."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.servers.server import Missing, Running
from tests.servers.ways import chosen_ways, provide

from .in_memory import InMemory


def had(server: InMemory, **environ: str) -> tuple[str, str]:
    running = provide(server, environ)
    assert isinstance(running, Running), running
    return running.way, running.url


def test_a_server_on_its_usual_port_is_used_and_nothing_is_started():
    server = InMemory(answering=["inmemory://other"], installed=True)

    way = had(server)

    assert way == ("local", "inmemory://other")
    assert server.history == []


def test_where_none_runs_a_private_one_is_started():
    server = InMemory(answering=["inmemory://private"], installed=True)

    way = had(server, CELERIAC_TEST_SERVERS="local,private")

    assert way == ("private", "inmemory://private")
    assert server.history == ["started"]


def test_the_ways_can_be_chosen():
    server = InMemory(answering=["inmemory://usual", "inmemory://private"], installed=True)

    way = had(server, CELERIAC_TEST_SERVERS="private")

    assert way == ("private", "inmemory://private")


def test_an_unknown_way_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'docker' is no way.*local, private, install, compose"):
        chosen_ways("local,docker")


def test_an_address_in_the_environment_is_the_only_one_tried():
    server = InMemory(answering=["inmemory://usual"], installed=True)

    missing = provide(server, {"CELERIAC_TEST_INMEMORY_URL": "inmemory://mine"})

    assert missing == Missing("inmemory", ("override: inmemory://mine: nobody there",))


def test_what_is_missing_is_said_with_one_reason_for_each_way():
    missing = provide(InMemory(), {"CELERIAC_TEST_SERVERS": "local,private"})

    assert str(missing) == (
        "inmemory is missing: "
        "local: inmemory://usual: nobody there / inmemory://other: nobody there; "
        "private: inmemoryd is not installed"
    )


def test_a_private_server_that_dies_at_once_is_not_waited_for():
    server = InMemory(installed=True)

    missing = provide(server, {"CELERIAC_TEST_SERVERS": "private"})

    assert missing == Missing("inmemory", ("private: it ended with status 1: disk full",))
    assert server.history == ["started", "stopped"]


def test_without_apt_get_or_docker_both_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("apt-get") is None

    missing = provide(InMemory(), {"CELERIAC_TEST_SERVERS": "install,compose"})

    assert re.fullmatch(
        r"inmemory is missing: install: .* has no apt-get to install it with; "
        r"compose: docker is not installed",
        str(missing),
    )
