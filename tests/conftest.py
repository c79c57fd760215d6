"""What every test may ask for."""

import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# A busy machine is slow now and then; pytest-timeout catches what hangs.
settings.register_profile("unhurried", deadline=None, print_blob=True)
settings.load_profile("unhurried")

pytest_plugins = ["tests.servers.plugin", "pytester"]


def pytest_configure() -> None:
    """Listen to Ctrl-C: what a shell runs in the background ignores it, as do its programs."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def level_of_logs() -> Iterator[None]:
    """Leave the root logger's level as it was: a worker that a test starts may change it."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: tests wait for servers and leases as much as they compute."""
    return min(8, 2 * (os.cpu_count() or 1))


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Any:
    """Mask what UTF-8 has no bytes for: reports that hold it would not reach another process."""
    return _sendable((yield))


def _sendable(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case dict():
            return {_sendable(key): _sendable(item) for key, item in value.items()}
        case list():
            return [_sendable(item) for item in value]
        case tuple():
            return tuple(_sendable(item) for item in value)
        case _:
            return value
