"""Smaller things of `celery.utils`: logs, texts, heads of functions, threads, sockets."""

import io
import logging
import socket
import sys
from types import SimpleNamespace
from typing import ClassVar

import pytest

from celeriac.entrypoints.celery_modules import functional, log, objects, text, threads


def record(level):
    return logging.LogRecord("x", level, "f", 1, "hello", None, None)


def test_lines_are_painted_by_level_and_heirs_may_paint_otherwise():
    class Mine(log.ColorFormatter):
        colors: ClassVar = {**log.ColorFormatter.colors, "INFO": log.ColorFormatter.COLORS["green"]}

    assert log.ColorFormatter().format(record(logging.ERROR)) == "\033[31mhello\033[0m"
    assert log.ColorFormatter().format(record(logging.INFO)) == "hello"
    assert Mine().format(record(logging.INFO)) == "\033[32mhello\033[0m"
    assert Mine(use_color=False).format(record(logging.INFO)) == "hello"


def test_within_a_handler_of_signals_nothing_is_logged_but_printed(monkeypatch, caplog):
    printed = io.StringIO()
    monkeypatch.setattr(sys, "__stderr__", printed)
    stream = log.LoggingProxy(logging.getLogger("shop"), "WARNING")

    with log.in_sighandler():
        stream.write("stopping\n")
    stream.write("stopped\n")

    assert printed.getvalue() == "stopping\n"
    assert caplog.messages == ["stopped"]


def test_the_streams_of_all_loggers_are_told_once_each():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    loggers = [logging.getLogger("shop.one"), logging.getLogger("shop.two")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        found = list(log.iter_open_logger_fds())
    finally:
        for logger in loggers:
            logger.removeHandler(handler)

    assert sum(each is stream for each in found) == 1


def test_the_pools_logger_is_made_anew_after_a_reset():
    from billiard import util

    before = util._logger
    try:
        first = log.get_multiprocessing_logger()
        assert first is log.get_multiprocessing_logger()
        log.reset_multiprocessing_logger()
        assert util._logger is None
        assert log.get_multiprocessing_logger().name == first.name
    finally:
        util._logger = before


def test_text_in_memory_takes_bytes():
    out = text.WhateverIO(b"a")

    out.seek(0, io.SEEK_END)
    assert out.write("ü".encode()) == 1
    out.write("b")

    assert out.getvalue() == "aüb"


def test_a_head_takes_what_its_function_takes():
    def add(x, y=1, *, z):
        raise AssertionError("it is never called")

    head = functional.head_from_fun(add)

    head(1, z=2)
    assert head.__name__ == "add"
    with pytest.raises(TypeError, match="missing a required argument: 'x'"):
        head(z=2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'w'"):
        head(1, z=2, w=3)


def test_the_head_of_a_method_may_have_its_self():
    class Adder:
        def __call__(self, x):
            raise AssertionError("it is never called")

    functional.head_from_fun(Adder(), bound=True)(1)
    functional.head_from_fun(Adder())(object(), 1)
    with pytest.raises(TypeError, match="missing a required argument: 'x'"):
        functional.head_from_fun(Adder().__call__, bound=True)()


def test_what_a_thread_has_for_itself_can_be_walked_through():
    local = threads.Local()
    local.user = "ann"

    assert dict(local) == {"user": "ann"}
    threads.release_local(local)
    assert list(local) == []


def test_generic_classes_can_be_named_with_what_they_hold():
    assert threads.LocalStack[int].__origin__ is threads.LocalStack
    assert objects.FallbackContext[int, str].__args__ == (int, str)


def test_the_open_sockets_of_a_connection_wait_no_longer_than_told():
    ours, theirs = socket.socketpair()
    redis, other = socket.socketpair()
    channel = SimpleNamespace(client=SimpleNamespace(connection=SimpleNamespace(_sock=redis)))
    connection = SimpleNamespace(
        _connection=SimpleNamespace(_transport=SimpleNamespace(sock=ours)),
        _transport=SimpleNamespace(channels=[channel]),
    )
    with ours, theirs, redis, other:
        threads.bound_open_broker_sockets(connection, 2.5)

        assert (ours.gettimeout(), redis.gettimeout()) == (2.5, 2.5)
    threads.bound_open_broker_sockets(object(), 2.5)
