"""Texts that databases choke on: null characters, lone surrogates, emoji, endless ones."""

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.testing import running_worker

TEXTS = {
    "null": "a\x00b",
    "surrogate": "a\ud800b",
    "emoji": "a😀b",
    "control": "a\x1b[31mb\r\n",
    "long": "x" * 300_000,
}


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.needs_server("postgresql")),
        pytest.param("mariadb", marks=pytest.mark.needs_server("mariadb")),
    ]
)
def app(request, tmp_path):
    match request.param:
        case "memory":
            url = "memory://"
        case "sqlite":
            url = f"sqlite:///{tmp_path}/a.db"
        case name:
            url = request.getfixturevalue(f"{name}_url")
    app = Celeriac("a", broker=url, backend=url, set_as_current=False, result_extended=True)
    app.task(name="echo")(lambda *args, **kwargs: [args, kwargs])
    app.broker.purge(["celery"])
    yield app
    app.broker.purge(["celery"])
    app.close()


@pytest.mark.parametrize("kind", TEXTS)
def test_such_a_text_goes_in_as_argument_and_comes_out_as_result(app, kind):
    text = TEXTS[kind]

    with running_worker(app):
        result = app.tasks["echo"].delay(text, y=text)

        assert result.get(timeout=20) == [[text], {"y": text}]


@pytest.mark.parametrize("kind", TEXTS)
def test_such_a_text_in_an_exception_does_not_keep_the_failure_from_being_stored(app, kind):
    text = TEXTS[kind]

    @app.task(name="fail")
    def fail():
        raise ValueError(text)

    with running_worker(app):
        result = fail.delay()
        error = result.get(timeout=20, propagate=False)

        assert (result.state, type(error), error.args) == ("FAILURE", ValueError, (text,))
        assert "raise ValueError(text)" in result.traceback
        assert app.tasks["echo"].delay().get(timeout=20) == [[], {}]


@pytest.mark.parametrize("kind", ["null", "surrogate", "emoji", "control"])
def test_such_a_text_in_a_header_is_carried(app, kind):
    text = TEXTS[kind]

    @app.task(name="look", bind=True)
    def look(self):
        return [self.request.tenant, self.request.shadow]

    with running_worker(app):
        result = look.apply_async(headers={"tenant": text}, shadow=text)

        assert result.get(timeout=20) == [text, text]


@pytest.mark.parametrize("task_id", ["a\x00b", "a\ud800b", "", 5])
def test_an_id_that_stores_cannot_keep_is_refused_at_the_call(app, task_id):
    with pytest.raises(ValueError, match=r"task_id=.*expected a text"):
        app.tasks["echo"].apply_async(task_id=task_id)


def test_any_other_text_may_be_an_id(app):
    with running_worker(app):
        result = app.tasks["echo"].apply_async(task_id=TEXTS["emoji"])

        assert result.get(timeout=20) == [[], {}]
