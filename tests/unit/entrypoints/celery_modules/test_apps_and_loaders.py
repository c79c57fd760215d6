"""Loaders of one's own, and what is found by name around an app: pickles, routes, old modules."""

import logging
import re
from unittest.mock import create_autospec

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import ImproperlyConfigured
from celeriac.entrypoints.celery_modules import (
    app_backends,
    app_defaults,
    log_by_name,
    messaging,
)
from celeriac.entrypoints.celery_modules.app_routes import MapRoute
from celeriac.entrypoints.celery_modules.app_task import X_DEATH_HEADERS
from celeriac.entrypoints.celery_modules.app_utils import AppPickler
from celeriac.entrypoints.celery_modules.loaders_base import BaseLoader
from celeriac.entrypoints.celery_modules.saferepr import saferepr
from celeriac.entrypoints.library.loader import Loader


def app_with(loader, **options):
    return Celeriac("a", broker="memory://", loader=loader, set_as_current=False, **options)


class TestLoaders:
    def test_settings_are_what_a_loader_reads(self):
        read = []

        class Mine(BaseLoader):
            def read_configuration(self):
                read.append(1)
                return {"task_default_queue": "mail", "mine": 5}

        with app_with(Mine) as app:
            assert read == []
            assert (app.conf.task_default_queue, app.conf.mine) == ("mail", 5)
            assert app.conf.broker_url == "memory://"
            assert read == [1]

    def test_a_loader_may_be_the_classs_own(self):
        class Mine(BaseLoader):
            def read_configuration(self):
                return {"task_default_queue": "mail"}

        class Shop(Celeriac):
            loader_cls = Mine

        with Shop("a", broker="memory://", set_as_current=False) as app:
            assert app.conf.task_default_queue == "mail"

    def test_a_loader_may_change_what_was_read(self):
        class Mine(BaseLoader):
            def setup_settings(self, settingsdict):
                return {**super().setup_settings(settingsdict), "task_default_queue": "mail"}

        with app_with(Mine) as app:
            assert app.conf.task_default_queue == "mail"

    def test_a_loader_may_hold_the_settings(self):
        class Mine(BaseLoader):
            @property
            def conf(self):
                return {"task_default_queue": "mail"}

        with app_with(Mine) as app:
            assert app.conf.task_default_queue == "mail"

    def test_what_it_reads_is_checked(self):
        class Mine(BaseLoader):
            def read_configuration(self):
                return {"task_default_queu": "mail"}

        with app_with(Mine) as app, pytest.raises(ImproperlyConfigured, match="did you mean"):
            app.conf.finalize()

    def test_a_source_that_is_named_wins(self):
        class Mine(BaseLoader):
            def read_configuration(self):
                return {"task_default_queue": "mail"}

        with app_with(Mine, config_source={"task_default_queue": "video"}) as app:
            assert app.conf.task_default_queue == "video"

    @pytest.mark.parametrize("name", ["app", "default", "celery.loaders.default:Loader"])
    def test_the_usual_one_has_several_names(self, name):
        with app_with(name) as app:
            assert type(app.loader) is Loader
            assert app.conf.task_default_queue == "celery"


class TestPickles:
    def test_an_app_is_made_anew_of_what_is_kept_of_one(self):
        kept = ("shop", {"timezone": "Europe/Vienna"}, *[None] * 6, False)

        made = AppPickler()(Celeriac, *kept)

        assert (made.main, made.conf.timezone) == ("shop", "Europe/Vienna")

    def test_heirs_may_keep_more(self):
        class Mine(AppPickler):
            def build_kwargs(self, main, colour):
                return {"main": main, "changes": {"mine": colour}, "set_as_current": False}

        assert Mine()(Celeriac, "shop", "blue").conf.mine == "blue"


def test_a_double_of_an_app_has_what_an_app_has():
    double = create_autospec(Celeriac)

    assert double.conf is not None
    assert double.tasks is not None


RULES = {"shop.pack": "mail", "shop.*": {"queue": "shop"}, re.compile(r"web\..*"): "web"}


class TestMapRoutes:
    @pytest.mark.parametrize("given", [RULES, list(RULES.items())])
    def test_names_come_before_patterns(self, given):
        route = MapRoute(given)

        assert route("shop.pack") == {"queue": "mail"}
        assert route("shop.send", (1,), {"x": 2}, {}, task=None) == {"queue": "shop"}
        assert route("web.crawl") == {"queue": "web"}
        assert route("other") is None

    def test_what_they_say_may_be_changed(self):
        route = MapRoute(map=RULES)

        route("shop.send")["queue"] = "elsewhere"

        assert route("shop.send") == {"queue": "shop"}

    def test_an_app_follows_them(self):
        with Celeriac("a", broker="memory://", set_as_current=False) as app:
            app.conf.task_routes = [MapRoute(RULES)]
            app.send_task("shop.send")

            assert app.broker.depth(["shop"]) == {"shop": 1}


class TestReprs:
    def test_they_are_as_long_as_they_may_be(self):
        assert len(saferepr("x" * 5000)) == 5002
        assert 2900 < len(saferepr("x" * 5000, maxlen=3000)) <= 3000
        assert len(saferepr(["y" * 10] * 500)) == 7000
        assert saferepr("x" * 50, maxlen=20) == "'xxxxxxxxxxxxxxxx..."

    def test_a_length_leaves_what_is_open_closed(self):
        assert saferepr(["y" * 10] * 500, maxlen=2000).endswith(", ...]")


class TestModulesOfOld:
    @pytest.fixture
    def app(self):
        with Celeriac("a", broker="memory://") as app:
            yield app

    def test_logs_are_the_current_apps(self, app, monkeypatch):
        asked = []
        monkeypatch.setattr(type(app.log), "setup_logging_subsystem", lambda *a: asked.append(a))

        assert log_by_name.get_default_logger("mine") is logging.getLogger("mine")
        log_by_name.setup_logging_subsystem("INFO")

        assert asked == [(app.log, "INFO")]

    def test_connections_are_the_current_apps(self, app):
        assert messaging.establish_connection().app is app


class TestTables:
    def test_sections_had_other_names(self):
        patterns = app_defaults.OLD_NS | app_defaults.OLD_NS_BEAT | app_defaults.OLD_NS_WORKER
        assert patterns == {"celery_{0}", "celerybeat_{0}", "celeryd_{0}"}
        source = object()
        assert app_defaults.find_deprecated_settings(source) is source

    def test_rabbitmqs_headers(self):
        assert {"x-death", "x-first-death-queue"} < X_DEATH_HEADERS
        assert len(X_DEATH_HEADERS) == 7

    def test_a_backend_that_is_none_is_named(self):
        with pytest.raises(ImproperlyConfigured) as why:
            app_backends.by_name("nosuch")

        assert str(why.value).startswith(app_backends.UNKNOWN_BACKEND.format("nosuch", "")[:40])
