"""A chord of which a header task fails, is revoked, expires or is lost ends with its errbacks."""

from datetime import UTC, datetime, timedelta

import pytest

from celeriac.exceptions import ChordError
from tests.integration.canvas.killing import PATIENCE, KilledSite
from tests.integration.canvas.stores import STORES

pytestmark = [pytest.mark.timeout(120), pytest.mark.parametrize("site", STORES, indirect=True)]


def chord_of(site: KilledSite, name: str, *header: object):
    chord, step, mourn = (site.made[one] for one in ("chord", "step", "mourn"))
    body = step.s(f"{name}.never").on_error(mourn.s(name=f"{name}.mourned"))
    return chord([step.s(0, f"{name}.0"), *header, step.s(0, f"{name}.1")], body)


def test_its_errbacks_are_called_once_and_its_body_never(site: KilledSite):
    step, fail, lost = (site.made[one] for one in ("step", "fail", "lost"))
    past = datetime.now(UTC) - timedelta(seconds=1)
    later = {"countdown": 4, "task_id": f"{site.queue}-revoked"}
    flows = {
        "failed": chord_of(site, "failed", fail.s("failed.x")),
        "expired": chord_of(site, "expired", step.s(0, "expired.x").set(expires=past)),
        "lost": chord_of(site, "lost", lost.s("lost.x")),
        "unknown": chord_of(site, "unknown", site.app.signature("nobody.knows")),
        "revoked": chord_of(site, "revoked", step.s(0, "revoked.x").set(**later)),
        "chained": chord_of(site, "chained", fail.s("chained.x") | step.s("chained.y")),
        "nested": chord_of(site, "nested", chord_of(site, "inner", fail.s("inner.x"))),
    }
    site.killed_worker()

    results = {name: flow.apply_async() for name, flow in flows.items()}
    site.app.control.revoke(f"{site.queue}-revoked")

    errors = {
        name: result.get(timeout=PATIENCE, propagate=False) for name, result in results.items()
    }
    assert {name: type(error) for name, error in errors.items()} == dict.fromkeys(flows, ChordError)
    said = {
        "failed": "ValueError",
        "expired": "TaskRevokedError",
        "lost": "WorkerLostError",
        "unknown": "NotRegistered",
        "revoked": "TaskRevokedError",
        "chained": "ValueError",
        "nested": "ChordError",
    }
    assert {name: word in str(errors[name]) for name, word in said.items()} == dict.fromkeys(
        said, True
    ), errors
    mourned = [f"{name}.mourned" for name in (*flows, "inner")]
    site.until(lambda: site.ids().keys() >= set(mourned))
    begun = [one.name for one in site.begun()]
    assert sorted(name for name in begun if name.endswith("mourned")) == sorted(mourned)
    assert [
        name for name in begun if name.endswith(("never", ".y", "expired.x", "revoked.x"))
    ] == []
