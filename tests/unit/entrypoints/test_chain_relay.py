"""Which workers let links follow where the one before them ended: told by store and setting."""

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.testing import running_worker


@pytest.mark.parametrize(
    ("store", "settings", "expected"),
    [
        ("memory://", {}, 20),
        ("memory://", {"worker_chain_relay": 3}, 3),
        ("memory://", {"worker_chain_relay": 0}, 0),
        ("sqlite:///{folder}/s.db", {}, 0),
    ],
)
def test_links_may_follow_where_the_store_can_tell_and_as_many_as_set(
    store, settings, expected, tmp_path
):
    url = store.format(folder=tmp_path)
    app = Celeriac("chained", broker=url, backend=url, set_as_current=False)
    app.conf.update(settings)

    with running_worker(app) as worker:
        relays = worker.worker.core.policy.relays
    app.close()

    assert relays == expected
