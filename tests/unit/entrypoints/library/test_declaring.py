"""Declaring tasks: forms of the decorator, names, options, classes."""

import subprocess
import sys
from datetime import timedelta

import pytest

from celeriac import Task
from celeriac.domain.errors import NotRegistered
from celeriac.entrypoints.library.registry import TaskRegistry


def add(x, y=0):
    """Add two numbers."""
    return x + y


def test_a_task_is_its_function_when_it_is_called(shop):
    task = shop.app.task(add)

    assert task(2, y=3) == 5
    assert (task.__name__, task.__doc__, task.__module__) == (
        "add",
        "Add two numbers.",
        __name__,
    )
    assert task.__wrapped__ is add


def test_the_decorator_takes_options_or_none(shop):
    bare = shop.app.task(add)
    with_options = shop.app.task(name="shop.sum", max_retries=9)(add)
    empty = shop.app.task()(lambda: None)

    assert (bare.name, with_options.name, with_options.max_retries) == (
        f"{__name__}.add",
        "shop.sum",
        9,
    )
    assert empty.name == f"{__name__}.<lambda>"


def test_options_are_keywords(shop):
    with pytest.raises(TypeError, match=r"keywords: @app\.task\(name="):
        shop.app.task("shop.sum")


def test_a_name_is_declared_once(shop):
    first = shop.app.task(add)

    assert shop.app.task(add) is first


def test_bind_hands_the_task_to_its_function(shop):
    @shop.app.task(bind=True)
    def who(self, x):
        return self.name, x

    assert who(1) == (f"{__name__}.who", 1)


OPTIONS = {
    "acks_late": True,
    "acks_on_failure_or_timeout": False,
    "autoretry_for": (KeyError,),
    "compression": "gzip",
    "default_retry_delay": 5,
    "delivery_mode": 1,
    "dont_autoretry_for": (IndexError,),
    "exchange": "x",
    "expires": timedelta(1),
    "ignore_result": True,
    "max_retries": None,
    "priority": 3,
    "queue": "q",
    "rate_limit": "10/m",
    "reject_on_worker_lost": True,
    "resultrepr_maxsize": 10,
    "retry_backoff": 2,
    "retry_backoff_max": 60,
    "retry_jitter": False,
    "retry_kwargs": {"max_retries": 2},
    "routing_key": "k",
    "send_events": False,
    "serializer": "pickle",
    "soft_time_limit": 5,
    "store_errors_even_if_ignored": True,
    "throws": (ValueError,),
    "time_limit": 6,
    "track_started": True,
    "trail": False,
    "typing": False,
}


@pytest.mark.parametrize(("name", "value"), OPTIONS.items())
def test_every_option_of_celerys_becomes_an_attribute(shop, name, value):
    task = shop.app.task(**{name: value})(add)

    assert getattr(task, name) == value


def test_an_option_of_the_users_own_is_kept(shop):
    assert shop.app.task(tenant="acme")(add).tenant == "acme"


def test_settings_speak_for_options_left_out(shop_with):
    shop = shop_with(task_acks_late=True, task_ignore_result=True, task_track_started=True)
    plain = shop.app.task(add)
    own = shop.app.task(name="own", acks_late=False, ignore_result=False)(add)

    assert (
        plain.resolved.acks_late,
        plain.resolved.ignore_result,
        plain.resolved.track_started,
    ) == (
        True,
        True,
        True,
    )
    assert (own.resolved.acks_late, own.resolved.ignore_result) == (False, False)


def test_acknowledging_on_failure_or_timeout_may_be_told_at_once_or_apart(shop):
    both = shop.app.task(name="both", acks_on_failure_or_timeout=False)(add).resolved
    apart = shop.app.task(name="apart", acks_on_failure_or_timeout=False, acks_on_timeout=True)(
        add
    ).resolved

    assert (both.acks_on_failure, both.acks_on_timeout) == (False, False)
    assert (apart.acks_on_failure, apart.acks_on_timeout) == (False, True)


class Base(Task):
    """What a project's tasks have in common."""

    queue = "own"

    def tenant(self):
        return "acme"


def test_a_base_class_gives_its_attributes_and_methods(shop):
    @shop.app.task(base=Base, bind=True)
    def who(self):
        return self.tenant()

    assert (who(), who.queue, isinstance(who, Base)) == ("acme", "own", True)


def test_the_app_may_name_the_base_of_all_its_tasks(shop_with):
    shop = shop_with(task_cls=Base)

    assert shop.app.task(add).tenant() == "acme"


def test_a_class_is_registered_by_itself_or_by_an_instance(shop):
    class Sum(Task):
        def run(self, x, y):
            return x + y

    class Named(Sum):
        name = "shop.named"

    by_class = shop.app.register_task(Sum)
    by_instance = shop.app.register_task(Named(), queue="q")

    assert (by_class.name, by_class(1, 2)) == (f"{__name__}.Sum", 3)
    assert (by_instance.name, by_instance.queue) == ("shop.named", "q")
    assert shop.app.tasks["shop.named"] is by_instance


def test_a_class_learns_to_which_app_it_was_bound(shop):
    bound = []

    class Curious(Task):
        @classmethod
        def on_bound(cls, app):
            bound.append(app)

    shop.app.register_task(Curious)

    assert bound == [shop.app]


def test_a_class_without_a_body_says_so_when_it_runs(shop):
    class Empty(Task):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no run method"):
        shop.app.register_task(Empty)()


def test_a_user_may_wrap_the_call_itself(shop):
    class Loud(Task):
        def __call__(self, *args, **kwargs):
            shop.seen.append("before")
            try:
                return super().__call__(*args, **kwargs)
            finally:
                shop.seen.append("after")

    @shop.app.task(base=Loud, bind=True)
    def who(self):
        shop.seen.append(self.request.id)

    result = who.delay()
    shop.work_off()

    assert shop.seen == ["before", result.id, "after"]


def test_a_task_is_named_by_its_module(shop):
    assert shop.app.gen_task_name("add", "shop.tasks") == "shop.tasks.add"


def test_in_a_script_the_app_s_name_is_the_module(shop):
    assert shop.app.gen_task_name("add", "__main__") == "shop.add"


SCRIPT = """
from celeriac import Celeriac
app = Celeriac()
@app.task
def add(): pass
print(add.name)
"""


def test_a_script_without_a_name_is_named_by_its_file(tmp_path):
    (tmp_path / "tasks.py").write_text(SCRIPT)

    as_file = [sys.executable, str(tmp_path / "tasks.py")]
    as_module = [sys.executable, "-m", "tasks"]

    def said(command):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"PYTHONPATH": ":".join([str(tmp_path), *sys.path])},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert (said(as_file), said(as_module)) == ("tasks.add", "tasks.add")


def test_the_registry_tells_which_task_is_missing(shop):
    task = shop.app.task(add)
    registry = shop.app.tasks

    with pytest.raises(NotRegistered, match=r"shop\.none"):
        registry["shop.none"]
    registry.unregister(task)
    with pytest.raises(NotRegistered):
        registry.unregister(task.name)
    assert registry.regular() == {}


def test_a_registry_wants_names():
    with pytest.raises(ValueError, match="has no name"):
        TaskRegistry().register(Task())


def test_arguments_that_do_not_fit_are_refused_at_the_call(shop):
    task = shop.app.task(add)

    with pytest.raises(TypeError, match=r"add: missing a required argument: 'x'"):
        task.delay()
    with pytest.raises(TypeError, match="too many positional arguments"):
        task.delay(1, 2, 3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        task.delay(1, z=2)
    assert shop.app.broker.depth(["celery"]) == {"celery": 0}


def test_the_check_of_arguments_can_be_left_out(shop, shop_with):
    untyped = shop.app.task(typing=False)(add)
    lax = shop_with(strict_typing=False).app.task(add)

    assert [untyped.delay().state, lax.delay().state] == ["PENDING", "PENDING"]


def test_a_rate_limit_that_is_none_is_refused_where_the_task_is_declared(shop):
    with pytest.raises(ValueError, match=r"rate_limit='10/x'"):
        shop.app.task(name="limited", rate_limit="10/x")(lambda: None)
