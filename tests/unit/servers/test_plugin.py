"""What a session says and does about the servers its tests asked for."""

from __future__ import annotations

import pytest

from tests.servers import plugin

from .in_memory import InMemory

ASKS = """
    import pytest

    @pytest.mark.needs_server("inmemory")
    def test_asks(request):
        assert request.getfixturevalue("inmemory_url").startswith("inmemory://private/celeriac_test_")

    def test_asks_for_nothing():
        pass
"""
FIXTURE = """
    import pytest
    from tests.servers import plugin

    @pytest.fixture(scope="session")
    def inmemory_url(pytestconfig):
        return plugin._url(pytestconfig, "inmemory")
"""


#: Two processes of pytest-xdist, each with one of the tests.
SPREAD = ("-p", "xdist", "-n", "2", "--dist", "load")


@pytest.fixture
def session(pytester, monkeypatch):
    """A project whose one kind of server is the in-memory one, tried privately."""
    monkeypatch.setenv("CELERIAC_TEST_SERVERS", "private")
    monkeypatch.delenv("CI", raising=False)
    pytester.makeini("[pytest]\nmarkers = needs_server(*names): see tests.servers")
    pytester.makeconftest(FIXTURE)
    pytester.makepyfile(ASKS)

    def run(server: InMemory, *args: str):
        monkeypatch.setattr(plugin, "SERVERS", {"inmemory": lambda: server})
        return pytester.runpytest_inprocess("-p", "tests.servers.plugin", *args)

    return run


def test_a_session_gets_a_place_and_gives_everything_back(session):
    server = InMemory(answering=["inmemory://private"], installed=True)

    result = session(server)

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test servers*", "inmemory: private"])
    assert server.history == ["started", "made a place", "removed it", "stopped"]


def test_a_server_that_no_selected_test_asks_for_is_left_alone(session):
    server = InMemory(answering=["inmemory://private"], installed=True)

    result = session(server, "-k", "nothing")

    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.no_fnmatch_line("*test servers*")
    assert server.history == []


def test_a_missing_server_skips_its_tests_and_is_named(session):
    result = session(InMemory())

    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["MISSING inmemory is missing: private: inmemoryd is not installed (its tests were*"]
    )


def test_processes_that_share_the_tests_share_the_server_and_not_the_place(session):
    server = InMemory(answering=["inmemory://private"], installed=True)

    result = session(server, *SPREAD)

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test servers*", "inmemory: private"])
    assert server.history == ["started", *["made a place"] * 2, *["removed it"] * 2, "stopped"]


def test_what_is_missing_is_named_once_and_fails_the_run_in_ci_however_many_ask(
    session, monkeypatch
):
    monkeypatch.setenv("CI", "true")

    result = session(InMemory(), *SPREAD)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, skipped=1)
    assert str(result.stdout).count("MISSING inmemory is missing: private: inmemoryd is not") == 1


def test_where_one_server_is_full_another_is_had_in_the_next_way(session, monkeypatch):
    monkeypatch.setenv("CELERIAC_TEST_SERVERS", "local,private")
    server = InMemory(answering=["inmemory://usual", "inmemory://private"], installed=True)
    server.full.add("inmemory://usual")

    result = session(server)

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test servers*", "inmemory: local, private"])
    assert server.history == ["started", "made a place", "removed it", "stopped"]


def test_a_server_that_is_full_is_missing_where_no_way_is_left(session):
    server = InMemory(answering=["inmemory://private"], installed=True)
    server.full.add("inmemory://private")

    result = session(server)

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["MISSING inmemory is missing: private: it is full *"])
    assert server.history == ["started", "stopped"]


def test_a_missing_server_fails_the_run_in_ci(session, monkeypatch):
    monkeypatch.setenv("CI", "true")

    result = session(InMemory())

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["MISSING inmemory is missing: * (with CI=true this fails*"])
