"""What is particular to MariaDB and MySQL."""

from __future__ import annotations

import pytest

from celeriac.adapters.sql.errors import Trouble
from celeriac.adapters.sql.mysql import MysqlFlavour, _check_version, _for_many, _pieces
from celeriac.adapters.sql.urls import parse
from celeriac.domain.errors import ImproperlyConfigured


def test_an_insert_of_one_row_becomes_one_of_many():
    one = "INSERT INTO t (a, b) VALUES (?, nextval(s)) ON DUPLICATE KEY UPDATE a = VALUES(a)"

    assert _for_many(one, 2) == (
        "INSERT INTO t (a, b) VALUES (?, nextval(s)), (?, nextval(s))"
        " ON DUPLICATE KEY UPDATE a = VALUES(a)"
    )


def test_rows_are_sent_in_statements_of_a_bounded_size():
    small = [(b"x",)] * 1001
    large = [(b"x" * 3_000_000,)] * 3

    assert [len(piece) for piece in _pieces(small)] == [500, 500, 1]
    assert [len(piece) for piece in _pieces(large)] == [1, 1, 1]
    assert list(_pieces([])) == []


@pytest.mark.parametrize(
    "version", ["10.6.4-MariaDB", "5.5.5-10.11.2-MariaDB-log", "11.4.2-MariaDB", "8.0.36", "9.1.0"]
)
def test_servers_that_can_pass_over_locked_rows_are_served(version):
    _check_version(version)


@pytest.mark.parametrize("version", ["10.5.9-MariaDB", "5.7.44", "5.5.5-10.3.2-MariaDB"])
def test_older_servers_are_refused_with_what_is_needed(version):
    with pytest.raises(ImproperlyConfigured, match=r"SKIP LOCKED.*or newer"):
        _check_version(version)


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        (1213, Trouble.CONFLICT),
        (1205, Trouble.LATE),
        (2006, Trouble.LOST),
        (2013, Trouble.LOST),
        (1114, Trouble.FULL),
        (1290, Trouble.READ_ONLY),
        (1146, Trouble.NO_TABLE),
        (1406, Trouble.REFUSED),
        (1064, Trouble.OTHER),
    ],
)
def test_error_numbers_say_what_to_do(code, trouble):
    flavour = MysqlFlavour(parse("mysql://h/db"))

    assert flavour.trouble(Exception(code, "text")) is trouble
