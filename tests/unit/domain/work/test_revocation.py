"""Revoked ids, bounded in number and age."""

from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.work.revocation import Revoked


def test_the_oldest_id_is_forgotten_first():
    revoked = Revoked(limit=3)
    revoked.add(["a", "b", "c"], 0.0)
    revoked.add(["a"], 1.0)
    revoked.add(["d"], 2.0)

    assert list(revoked) == ["c", "a", "d"]
    assert "b" not in revoked


def test_an_id_is_forgotten_when_its_time_is_over():
    revoked = Revoked(keep=60.0)
    revoked.add(["a"], 0.0)
    revoked.add(["b"], 30.0)
    revoked.add(["c"], 60.0)

    assert list(revoked) == ["b", "c"]


@given(
    limit=st.integers(1, 5),
    keep=st.floats(1, 100),
    additions=st.lists(
        st.tuples(st.lists(st.sampled_from("abcdefgh"), max_size=4), st.floats(0, 50))
    ),
)
def test_what_is_remembered_is_the_youngest_within_the_bounds(
    limit: int, keep: float, additions: list[tuple[list[str], float]]
):
    revoked, now, since = Revoked(limit, keep), 0.0, dict[str, float]()
    for ids, step in additions:
        now += step
        revoked.add(ids, now)
        for id_ in ids:
            since.pop(id_, None)
            since[id_] = now

    young = [id_ for id_, added in since.items() if added > now - keep]
    # Equal times are forgotten in the order in which they were added.
    assert list(revoked) == young[-limit:]
    assert len(revoked) == len(young[-limit:])
    assert all(id_ in revoked for id_ in young[-limit:])
