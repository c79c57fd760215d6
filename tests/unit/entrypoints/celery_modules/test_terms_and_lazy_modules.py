"""`celery.utils.term`, `celery.local`'s lazy modules, and names that schedules take."""

import pickle
import sys
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.celery_modules import local
from celeriac.entrypoints.celery_modules.term import colored, fg
from celeriac.entrypoints.library.bootsteps import StepType
from celeriac.schedules import crontab


class TestColours:
    @pytest.mark.parametrize(
        ("name", "before"),
        [
            ("black", "\033[1;30m"),
            ("red", "\033[1;31m"),
            ("white", "\033[1;37m"),
            ("ired", "\033[1;41m"),
            ("iwhite", "\033[1;47m"),
            ("bold", "\033[1m"),
            ("underline", "\033[4m"),
            ("blink", "\033[5m"),
            ("reverse", "\033[7m"),
            ("bright", "\033[8m"),
            ("reset", "\033[0m"),
        ],
    )
    def test_each_is_written_before_the_text(self, name, before):
        assert str(getattr(colored(), name)("a", 3)) == f"{before}a3\033[0m"
        assert str(getattr(colored(enabled=False), name)("a", 3)) == "a3"

    def test_they_hold_until_another_one_begins(self):
        c = colored(enabled=True)

        text = c.red("a", c.green("b"), "c")

        assert str(text) == f"{fg(31)}a{fg(32)}bc\033[0m"
        assert (text.no_color(), repr(text)) == ("abc", "'abc'")
        assert text.embed() == f"{fg(31)}a{fg(32)}bc"
        assert c.red("a") + c.blue("b") == f"{fg(31)}a\033[0m{fg(34)}b\033[0m"

    def test_an_app_has_them_for_its_terminal(self):
        with Celeriac("a", broker="memory://", set_as_current=False) as app:
            assert str(app.log.colored(enabled=True).red("a")) == f"{fg(31)}a\033[0m"
            assert str(app.log.colored("/var/log/a.log").red("a")) == "a"


class TestLazyModules:
    @pytest.fixture
    def shop(self):
        name = "lazy_shop"
        sys.modules[name] = ModuleType(name)
        yield name
        for known in [one for one in sys.modules if one.startswith(name)]:
            del sys.modules[known]

    def test_names_are_imported_when_they_are_asked_for(self, shop):
        before, lazy = local.recreate_module(
            shop,
            by_module={"json": ["dumps", "loads"], "collections": ["OrderedDict"]},
            direct={"decoder": "json.decoder"},
            __doc__="Sells.",
            __version__="1",
        )

        assert sys.modules[shop] is lazy is not before
        assert set(vars(lazy)) & {"dumps", "loads", "OrderedDict", "decoder"} == set()
        assert lazy.OrderedDict is OrderedDict
        assert lazy.dumps([1]) == "[1]"
        assert {"dumps", "loads"} <= set(vars(lazy))
        assert lazy.decoder.__name__ == "json.decoder"
        assert (lazy.__doc__, lazy.__version__) == ("Sells.", "1")
        assert {"dumps", "decoder", "__version__", "__all__"} <= set(dir(lazy))
        assert pickle.loads(pickle.dumps(lazy)) is lazy
        with pytest.raises(AttributeError, match=f"module '{shop}' has no attribute 'nope'"):
            _ = lazy.nope

    def test_modules_may_be_made_of_anything(self, shop):
        package = sys.modules[shop]

        made = local.create_module(
            "parts", {"wheel": "round"}, {"colour": "red"}, pkg=package, prepare_attr=str.upper
        )

        assert sys.modules[f"{shop}.parts"] is made
        assert isinstance(made, local.LazyModule)
        assert (made.wheel, made.colour) == ("ROUND", "red")

    def test_origins_are_found_by_name(self):
        assert local.get_origins({"a": ["x", "y"], "b": ["z"]}) == {"x": "a", "y": "a", "z": "b"}


def test_heirs_of_crontabs_may_hand_on_what_celerys_are_given():
    class Mine(crontab):
        def remaining_estimate(self, last_run_at, ffwd=dict):
            return super().remaining_estimate(last_run_at, ffwd=ffwd) + timedelta(hours=1)

    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    mine = Mine(minute=30, nowfun=lambda: noon)

    assert mine.remaining_estimate(noon) == timedelta(hours=1, minutes=30)
    assert mine.remaining_delta(noon, ffwd=dict)[1] == timedelta(minutes=30)


def test_a_class_of_steps_needs_no_step_to_derive_from():
    alone = StepType("Alone", (), {"__module__": "shop"})

    assert (alone.name, alone.requires) == ("shop.Alone", ())
    assert "shop.Alone" in repr(alone)
