"""Functions that projects import from Celery answer as Celery's do; asked side by side."""

import importlib
import logging
import pickle
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

OURS = "celeriac.entrypoints.celery_modules"
THEIRS: Mapping[str, str] = {
    "functional": "celery.utils.functional",
    "imports": "celery.utils.imports",
    "iso8601": "celery.utils.iso8601",
    "nodenames": "celery.utils.nodenames",
    "serialization": "celery.utils.serialization",
    "text": "celery.utils.text",
    "times": "celery.utils.time",
}
NOON = datetime(2026, 3, 29, 12, 34, 56, 789, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)
VIENNA = ZoneInfo("Europe/Vienna")

CASES: list[tuple[str, tuple[Any, ...]]] = [
    ("functional.arity_greater", (lambda a, b: None, 1)),
    ("functional.dictfilter", ({"a": 1, "b": None},)),
    ("functional.first", (None, [None, 0, 1])),
    ("functional.first", (lambda x: x > 1, [1, 2, 3])),
    ("functional.fun_accepts_kwargs", (lambda **kw: None,)),
    ("functional.fun_accepts_kwargs", (lambda a: None,)),
    ("functional.fun_takes_argument", ("b", lambda a, b: None)),
    ("functional.fun_takes_argument", ("c", lambda a, b: None)),
    ("functional.is_list", ([],)),
    ("functional.is_list", ("text",)),
    ("functional.is_numeric_value", (True,)),
    ("functional.is_numeric_value", (1.5,)),
    ("functional.maybe", (int, "3")),
    ("functional.maybe", (int, None)),
    ("functional.maybe_list", ("a",)),
    ("functional.maybe_list", (None,)),
    ("functional.padlist", ([1, 2], 4, "x")),
    ("functional.padlist", ([1, 2, 3], 2)),
    ("functional.pass1", (1, 2)),
    ("functional.seq_concat_item", ((1,), 2)),
    ("functional.seq_concat_item", ([1], 2)),
    ("functional.seq_concat_seq", ((1,), [2])),
    ("imports.qualname", (dict,)),
    ("imports.qualname", (NOON,)),
    ("imports.symbol_by_name", ("collections.abc:Mapping",)),
    ("imports.symbol_by_name", ("collections.abc.Mapping",)),
    ("imports.symbol_by_name", (dict,)),
    ("iso8601.parse_iso8601", ("2026-03-29T12:34:56",)),
    ("iso8601.parse_iso8601", ("2026-03-29T12:34:56.000789+02:00",)),
    ("nodenames.anon_nodename", ("host",)),
    ("nodenames.default_nodename", ("w1@host",)),
    ("nodenames.host_format", ("%n at %h in %d, 100%%", "a.b.c")),
    ("nodenames.node_format", ("/var/log/%n.%h.log", "w1@a.b.c")),
    ("nodenames.nodename", ("w1", "host")),
    ("nodenames.nodesplit", ("w1@host",)),
    ("nodenames.nodesplit", ("host",)),
    ("serialization.b64decode", ("aMOk",)),
    ("serialization.b64encode", ("hä",)),
    ("serialization.ensure_serializable", ([1, {2}, "x"], pickle.dumps)),
    ("serialization.jsonify", ({"a": [1, NOON, timedelta(1), None]},)),
    ("serialization.strtobool", ("Yes",)),
    ("serialization.strtobool", (1,)),
    ("text.abbr", ("abcdefgh", 6)),
    ("text.abbr", ("abcdefgh", 6, False)),
    ("text.abbrtask", ("shop.tasks.orders.process", 16)),
    ("text.dedent", ("    a\n    b",)),
    ("text.dedent_initial", ("    a",)),
    ("text.ensure_newlines", ("a\n",)),
    ("text.ensure_sep", ("/", "a", 1)),
    ("text.fill_paragraphs", ("word " * 20 + "\n\nmore", 30)),
    ("text.indent", ("a\nb", 2)),
    ("text.join", (["a", "", "b"],)),
    ("text.match_case", ("abc", "X")),
    ("text.pluralize", (2, "task")),
    ("text.pluralize", (1, "task")),
    ("text.remove_repeating", ("ab", "xabyabz")),
    ("text.remove_repeating", ("x.tasks.", "x.tasks.add(2) | x.tasks.mul(8) | my-x.tasks.y")),
    ("text.remove_repeating_from_task", ("a.b.c", "a.b.c(a.b.d)")),
    ("text.simple_format", ("%n-%h 5%%", {"n": "a", "h": lambda: "b"})),
    ("text.str_to_list", ("a,b",)),
    ("text.truncate", ("hello wide world", 12)),
    ("times.adjust_timestamp", (1000.0, 2, lambda: 1)),
    ("times.delta_resolution", (NOON, timedelta(days=2))),
    ("times.delta_resolution", (NOON, timedelta(hours=2))),
    ("times.delta_resolution", (NOON, timedelta(minutes=2))),
    ("times.delta_resolution", (NOON, timedelta(seconds=2))),
    ("times.get_exponential_backoff_interval", (4, 3, 100)),
    ("times.get_exponential_backoff_interval", (4, 9, 100)),
    ("times.humanize_seconds", (4 * 3600,)),
    ("times.humanize_seconds", (86400, "in", " ")),
    ("times.humanize_seconds", (0.1,)),
    ("times.humanize_seconds", (0.1, "", "", "now", True)),
    ("times.is_naive", (NAIVE,)),
    ("times.localize", (NOON, VIENNA)),
    ("times.make_aware", (NAIVE, UTC)),
    ("times.maybe_iso8601", ("2026-03-29T12:34:56+00:00",)),
    ("times.maybe_iso8601", (None,)),
    ("times.maybe_make_aware", (NAIVE,)),
    ("times.maybe_make_aware", (NAIVE, VIENNA)),
    ("times.maybe_make_aware", (NOON, VIENNA)),
    ("times.maybe_timedelta", (30,)),
    ("times.maybe_timedelta", (timedelta(1),)),
    ("times.rate", ("10/m",)),
    ("times.rate", (None,)),
    ("times.remaining", (NOON, timedelta(hours=1), NOON + timedelta(minutes=5))),
    ("times.to_utc", (NAIVE,)),
    ("times.weekday", ("Monday",)),
    ("times.yearmonth", ("March",)),
]


def shown(value):
    """Name a case alike in every process: without where its functions are in memory."""
    return re.sub(r" at 0x\w+", "", str(value))[:60]


@pytest.mark.filterwarnings("ignore:(?s).*parse_iso8601 is scheduled")
@pytest.mark.parametrize(("name", "args"), CASES, ids=shown)
def test_both_say_the_same(name, args):
    module, _, function = name.partition(".")
    ours = getattr(importlib.import_module(f"{OURS}.{module}"), function)
    theirs = getattr(importlib.import_module(THEIRS[module]), function)

    said, expected = ours(*args), theirs(*args)
    assert said == (tuple(expected) if isinstance(said, tuple) else expected)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("times.weekday", ("noday",)),
        ("times.yearmonth", ("nomonth",)),
        ("text.simple_format", ("%x", {})),
        ("serialization.strtobool", ("perhaps",)),
        ("serialization.jsonify", (object(),)),
        ("imports.symbol_by_name", ("collections.abc:Nothing",)),
        ("imports.symbol_by_name", ("nothing.at.all",)),
    ],
)
def test_both_refuse_the_same(name, args):
    module, _, function = name.partition(".")
    ours = getattr(importlib.import_module(f"{OURS}.{module}"), function)
    theirs = getattr(importlib.import_module(THEIRS[module]), function)

    with pytest.raises(Exception) as refused:  # noqa: PT011 - whatever Celery raises
        theirs(*args)
    with pytest.raises(refused.type):
        ours(*args)


@pytest.mark.parametrize("name", ["chunks", "lookahead", "uniq"])
def test_generators_yield_the_same(name):
    ours = getattr(importlib.import_module(f"{OURS}.functional"), name)
    theirs = getattr(importlib.import_module("celery.utils.functional"), name)
    more = (2,) if name == "chunks" else ()

    assert list(ours(iter([1, 1, 2, 3, 2]), *more)) == list(theirs(iter([1, 1, 2, 3, 2]), *more))


@pytest.mark.parametrize(
    "given",
    [
        {"hour": 4, "minute": 30, "second": 0, "microsecond": 0},
        {"weekday": 3, "weeks": 1, "hour": 0},
        {"month": 2, "day": 31, "year": 2027},
    ],
)
def test_times_are_forwarded_alike(given):
    from celery.utils.time import ffwd as theirs

    from celeriac.entrypoints.celery_modules.times import ffwd as ours

    assert NOON + ours(**given) == NOON + theirs(**given)


class TestZones:
    def test_times_go_to_the_hosts_zone_and_back(self):
        from celeriac.entrypoints.celery_modules.times import LocalTimezone
        from celeriac.entrypoints.celery_modules.times import timezone as zones

        assert zones.to_local(NAIVE) == NOON
        assert zones.to_system(NOON) == NOON
        assert zones.get_timezone("Europe/Vienna") == VIENNA
        assert zones.tz_or_local(timezone.utc) is timezone.utc  # noqa: UP017 - the very object
        assert LocalTimezone().utcoffset(NOON) == NOON.astimezone().utcoffset()


class TestLoggers:
    def test_a_tasks_logger_hangs_below_that_of_tasks(self):
        from celeriac.entrypoints.celery_modules.log import get_task_logger, task_logger

        found = get_task_logger("shop.tasks.of.this.test")

        assert found.name == "shop.tasks.of.this.test"
        assert found.parent is task_logger
        assert get_task_logger("shop.tasks.of.this.test") is found
        assert len(found.filters) == 1

    def test_the_librarys_own_names_are_reserved(self):
        from celeriac.entrypoints.celery_modules.log import get_task_logger

        with pytest.raises(RuntimeError, match=r"'celery\.task' is reserved"):
            get_task_logger("celery.task")

    def test_a_logger_of_a_parents_own_is_left_there(self):
        from celeriac.entrypoints.celery_modules.log import get_logger, logger_isa

        parent = logging.getLogger("above.of.this.test")
        child = get_logger("above.of.this.test.below")

        assert logger_isa(child, parent)

    def test_lines_may_hold_the_task(self):
        from celeriac.entrypoints.celery_modules.app_log import TaskFormatter

        formatter = TaskFormatter("%(task_id)s %(message)s", use_color=False)
        record = logging.LogRecord("x", logging.INFO, "f", 1, "hello", None, None)

        assert formatter.format(record) == "??? hello"


class TestContainers:
    def test_a_limited_set_forgets_the_oldest(self):
        from celeriac.entrypoints.celery_modules.maps import LimitedSet

        some = LimitedSet(maxlen=2, expires=10)
        some.add("a", now=1.0)
        some.add("b", now=5.0)
        some.add("c", now=6.0)
        some.purge(now=15.5)

        assert list(some) == ["c"]
        assert some.as_dict() == {"c": 6.0}

    def test_a_cache_forgets_what_was_not_used(self):
        from celeriac.entrypoints.celery_modules.functional import LRUCache

        cache = LRUCache(2)
        cache["a"], cache["b"] = 1, 2
        _ = cache["a"]
        cache["c"] = 3

        assert list(cache) == ["a", "c"]

    def test_a_function_remembers(self):
        from celeriac.entrypoints.celery_modules.functional import memoize

        calls = []

        @memoize(maxsize=2)
        def double(x):
            calls.append(x)
            return 2 * x

        assert [double(1), double(1), double(2)] == [2, 2, 4]
        assert calls == [1, 2]

    def test_a_generator_may_be_walked_twice(self):
        from celeriac.entrypoints.celery_modules.functional import regen

        numbers = regen(n for n in range(3))

        assert list(numbers) == list(numbers) == [0, 1, 2]
        assert (len(numbers), numbers[1]) == (3, 1)

    def test_settings_of_an_object_are_a_mapping(self):
        from celeriac.entrypoints.celery_modules.maps import AttributeDict, ChainMap, force_mapping
        from celeriac.entrypoints.celery_modules.objects import Bunch

        found = force_mapping(Bunch(a=1))
        chained = ChainMap({}, AttributeDict(b=2))

        assert (found["a"], found.get("x", 0), "a" in found) == (1, 0, True)
        assert (chained["b"], AttributeDict(b=2).b) == (2, 2)


class TestProxies:
    def test_a_promise_is_kept_once(self):
        from celeriac.entrypoints.celery_modules.local import PromiseProxy, Proxy, maybe_evaluate

        made = []

        def make():
            made.append(1)
            return [len(made)]

        promise, proxy = PromiseProxy(make), Proxy(make)

        assert (list(promise), promise[0], len(promise)) == ([1], 1, 1)
        assert proxy[0] == 2
        assert proxy[0] == 3
        assert maybe_evaluate(promise) == [1]
        assert maybe_evaluate(4) == 4


class TestExceptions:
    def test_what_cannot_be_pickled_is_told_in_words(self):
        from celeriac.entrypoints.celery_modules.serialization import (
            get_pickleable_exception,
            get_pickled_exception,
        )

        class Unpicklable(Exception):
            def __init__(self, lock):
                super().__init__(lock)

            def __reduce__(self):
                raise TypeError("no")

        wrapped = get_pickleable_exception(Unpicklable("x"))
        restored = get_pickled_exception(pickle.loads(pickle.dumps(wrapped)))

        assert type(restored).__name__ == "Unpicklable"
        assert restored.args == ("x",)
