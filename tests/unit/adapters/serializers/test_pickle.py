"""Pickle, for those who trust every sender."""

import pickle
from datetime import timedelta
from threading import Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.adapters.serializers.pickle import PickleSerializer
from celeriac.domain.errors import DecodeError, EncodeError

SERIALIZER = PickleSerializer()


def test_python_values_that_json_has_no_room_for_come_back_as_they_were():
    value = {"set": {1, 2}, "delta": timedelta(1), "tuple": (1, 2)}

    assert SERIALIZER.loads(SERIALIZER.dumps(value)) == value


def test_it_is_written_in_the_protocol_that_celery_reads():
    assert SERIALIZER.dumps([1]) == pickle.dumps([1], protocol=4)


def test_what_cannot_be_pickled_is_refused():
    with pytest.raises(EncodeError, match="cannot pickle"):
        SERIALIZER.dumps(Lock())


class Explosive:
    def __reduce__(self):
        return _explode, ()


def _explode():
    raise ZeroDivisionError("on reading")


def test_a_value_that_fails_to_be_read_is_undecodable():
    with pytest.raises(DecodeError, match="on reading"):
        SERIALIZER.loads(SERIALIZER.dumps(Explosive()))


@given(st.binary(max_size=50))
def test_bytes_that_are_no_pickle_are_refused(data):
    # The dot is what ends a pickle: without one nothing can be read of the bytes.
    with pytest.raises(DecodeError):
        SERIALIZER.loads(data.replace(b".", b""))
