"""Objects that stand for others, which app is meant, and how lines are written."""

import io
import logging

import pytest

from celeriac import Celeriac, Task
from celeriac.domain.errors import Ignore, Reject
from celeriac.entrypoints.celery_modules import app_trace, local, state
from celeriac.entrypoints.library import current
from celeriac.signals import after_setup_task_logger


@pytest.fixture
def app():
    with Celeriac("a", broker="memory://", backend="memory://", set_as_current=False) as app:
        yield app


@pytest.fixture
def logger():
    logger = logging.getLogger("celery.task")
    before = logger.handlers[:], logger.level, logger.propagate
    logger.handlers[:] = []
    yield logger
    for made in logger.handlers:
        made.close()
    logger.handlers[:], logger.level, logger.propagate = before


def test_a_proxy_does_what_its_object_does():
    kept = {"x": 1, "y": 2}
    stands = local.Proxy(lambda: kept)
    del stands["x"]

    assert kept == {"y": 2}
    assert (local.Proxy(lambda: 1) + 2, local.Proxy(lambda: "ab") * 2) == (3, "abab")
    assert ~local.Proxy(lambda: 5) == ~5
    stream = io.StringIO("text")
    with local.Proxy(lambda: stream) as opened:
        assert opened.read() == "text"
    assert stream.closed


def test_an_attribute_of_the_current_app_is_found_by_its_path(app):
    with current.instead(app):
        assert local.getappattr(["conf", "task_default_queue"]) == "celery"


def test_a_method_moves_from_class_to_class():
    class First:
        name = "first"

        @classmethod
        def told(cls):
            return cls.name

    class Second:
        name = "second"
        told = local.reclassmethod(First.told)

    assert (Second.told(), local.fun_of_method(len)) == ("second", len)


def test_it_is_shown_who_asks_for_the_current_app(app, capsys):
    state.enable_trace()
    try:
        with current.instead(app):
            assert state.app_or_default() is app
        assert "test_it_is_shown_who_asks" in capsys.readouterr().err
        with current.instead(None), pytest.raises(RuntimeError, match="none is current"):
            state.app_or_default()
    finally:
        state.disable_trace()
    with current.instead(app):
        state.app_or_default()
    assert capsys.readouterr().err == ""


def test_loggers_of_tasks_write_where_they_are_told_to(app, logger, tmp_path):
    told = []

    def tell(sender=None, logger=None, **said):
        told.append(logger)

    after_setup_task_logger.connect(tell)
    try:
        app.log.setup_task_loggers("INFO", str(tmp_path / "log"), "%(task_name)s %(message)s")
    finally:
        after_setup_task_logger.disconnect(tell)
    app.log.setup_task_loggers("INFO", str(tmp_path / "other"))

    logger.info("hello")

    assert (tmp_path / "log").read_text() == "??? hello\n"
    assert told == [logger]
    assert not (tmp_path / "other").exists()


def test_a_logger_writes_to_a_stream_in_a_format_of_ones_own(app):
    stream, logger = io.StringIO(), logging.Logger("own")

    app.log.setup_handlers(logger, stream, "%(levelname)s %(message)s", False)
    logger.warning("hello")

    assert stream.getvalue() == "WARNING hello\n"


@pytest.mark.parametrize(
    ("exc", "internal", "policy"),
    [
        (Reject("no"), False, app_trace.log_policy_reject),
        (Ignore(), False, app_trace.log_policy_ignore),
        (OSError(), True, app_trace.log_policy_internal),
        (KeyError(), False, app_trace.log_policy_expected),
        (ValueError(), False, app_trace.log_policy_unexpected),
    ],
)
def test_how_an_exception_is_logged_depends_on_what_the_task_throws(app, exc, internal, policy):
    task = app.task(name="a.add", base=Task, throws=(KeyError,))(lambda: None)
    einfo = type("Info", (), {"internal": internal})()

    assert app_trace.get_log_policy(task, einfo, exc) is policy
