"""A chain on Redis, run by a real worker: its links follow in one process, and all is stored."""

from uuid import uuid4

from celeriac import Celeriac, chain
from celeriac.entrypoints.testing import running_worker
from tests.waiting import eventually


def test_links_follow_under_one_claim_and_every_result_is_stored(redis_url):
    app = Celeriac("chained", broker=redis_url, backend=redis_url, set_as_current=False)
    app.conf.update(task_default_queue=f"chained-{uuid4().hex}")
    add = app.task(name="add")(lambda x: x + 1)
    followed = []

    with running_worker(app, pool="prefork", concurrency=1) as worker:
        core = worker.worker.core
        on_relays = core.on_relays

        def noted(reports):
            links = on_relays(reports)
            followed.extend(links)
            return links

        core.on_relays = noted

        def one_has_followed():
            # Links follow only of tasks that were brief before, which a busy machine may prevent.
            results = chain(add.s(0), *[add.s() for _ in range(29)]).apply_async()
            assert results.get(timeout=30) == 30
            values = []
            while results is not None:
                values.append(results.get(timeout=30))
                results = results.parent
            assert values == list(range(30, 0, -1))
            return bool(followed)

        eventually(one_has_followed)
    depth = app.broker.depth([app.conf.task_default_queue])
    app.close()

    assert list(depth.values()) == [0]
