"""Parts of chords as Celery keeps them, both ways, and for how long."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.redis.chords import Keeping, arguments_of, counts
from celeriac.adapters.redis.opening import open_results
from celeriac.adapters.redis.store import RedisStore
from celeriac.domain.canvas.chords import ChordCount, ChordPart
from celeriac.domain.documents.meta import PLAIN, chord_member_of
from celeriac.domain.documents.meta_reading import chord_part_of
from celeriac.domain.errors import BackendGetMetaError
from celeriac.domain.messaging.payload import Payload

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.text(), st.sampled_from(["SUCCESS", "FAILURE", "REVOKED"]), VALUES)
def test_a_part_is_celerys_list_and_is_read_as_it_was_written(task_id, state, value):
    result = None if value is None else Payload(json.dumps(value).encode())
    part = ChordPart("g", task_id, 3, 9, state, result)

    member = chord_member_of(part)

    assert json.loads(member) == [1, task_id, state, value]
    assert chord_part_of(member, 3.0, "g", 9, "key") == part


@given(st.binary())
def test_whatever_stands_there_is_a_part_or_is_named(data):
    try:
        said = chord_part_of(data, 0.0, "g", None, "the key").group_id
    except BackendGetMetaError as error:
        said = str(error)

    assert said == "g" or "'the key'" in said


@pytest.mark.parametrize("score", [float("inf"), None])
def test_what_has_no_place_has_no_index(score):
    assert chord_part_of(b'[1, "a", "SUCCESS", 5]', score, "g", None, "key").index is None


def test_a_part_without_index_and_size_comes_last_and_tells_no_size():
    part = ChordPart("g", "a", None, None, "SUCCESS")

    assert arguments_of(part, PLAIN) == (b"a", "+inf", "", b'[1, "a", "SUCCESS", null]')


def test_what_the_script_answers_tells_how_far_each_chord_has_come():
    parts = [ChordPart(group, "a", 0, 2, "SUCCESS") for group in "gh"]

    assert list(counts(parts, [1, b"", 0, 2, 2, 1])) == [
        ChordCount("g", 1, None),
        ChordCount("h", 2, 2, due=True),
    ]


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, (0, 0, 0, 1)),
        ({"result_expires": 60}, (60, 60, 300, 1)),
        ({"result_expires": 600, "result_chord_expires": 60}, (60, 600, 600, 1)),
        ({"result_expires": 60, "result_chord_expires": 600}, (600, 600, 600, 1)),
        ({"result_expires": 600, "result_chord_expires": 0}, (0, 0, 0, 1)),
        (
            {"result_backend_transport_options": {"result_chord_ordered": False}},
            (0, 0, 0, 0),
        ),
    ],
)
def test_chords_are_kept_as_the_settings_say(settings, kept):
    store = RedisStore("redis://localhost:1", clock=SystemClock())

    results = open_results(store, settings=settings, codec=None, serializer=None)

    assert results.keeping.arguments() == kept
    assert isinstance(results.keeping, Keeping)
