"""Reading crontab fields."""

import re

import pytest

from celeriac.domain.schedules.crontab_fields import (
    CRON_INVALID_DATE,
    CRON_INVALID_TYPE,
    CRON_PATTERN_INVALID,
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH_OF_YEAR,
    Field,
    ParseException,
    cronfield,
    crontab_parser,
)
from celeriac.schedules import crontab


@pytest.mark.parametrize(
    ("field", "spec", "numbers"),
    [
        (HOUR, "*", set(range(24))),
        (HOUR, 7, {7}),
        (HOUR, "7", {7}),
        (HOUR, "8,12,17", {8, 12, 17}),
        (HOUR, "8, 12 ,17", {8, 12, 17}),
        (HOUR, "8-11", {8, 9, 10, 11}),
        (HOUR, "22-2", {22, 23, 0, 1, 2}),
        (HOUR, "22-4/2", {22, 0, 2, 4}),
        (HOUR, "*/7", {0, 7, 14, 21}),
        (HOUR, "*/3,8-10", {0, 3, 6, 8, 9, 10, 12, 15, 18, 21}),
        (HOUR, "5-5", {5}),
        (MINUTE, "10-30/10", {10, 20, 30}),
        (MINUTE, "*/90", {0}),
        (MINUTE, [0, 30], {0, 30}),
        (MINUTE, iter((0, "15-17")), {0, 15, 16, 17}),
        (DAY_OF_MONTH, "*/10", {1, 11, 21, 31}),
        (DAY_OF_MONTH, "30-2", {30, 31, 1, 2}),
        (DAY_OF_WEEK, "sun", {0}),
        (DAY_OF_WEEK, "Mon-Friday", {1, 2, 3, 4, 5}),
        (DAY_OF_WEEK, "fri-mon", {5, 6, 0, 1}),
        (DAY_OF_WEEK, {"sat", 0}, {6, 0}),
        (MONTH_OF_YEAR, "jan,MARCH", {1, 3}),
        (MONTH_OF_YEAR, "nov-feb", {11, 12, 1, 2}),
        (MONTH_OF_YEAR, "*/4", {1, 5, 9}),
    ],
)
def test_a_field_stands_for_its_numbers(field: Field, spec: object, numbers: set[int]):
    assert field.read(spec) == numbers


@pytest.mark.parametrize(
    ("field", "spec", "why"),
    [
        (MINUTE, "60", "60 is out of range"),
        (MINUTE, 60, "60 is out of range"),
        (MINUTE, -1, "-1 is out of range"),
        (MINUTE, "5-60", "60 is out of range"),
        (DAY_OF_MONTH, "0", "0 is out of range"),
        (DAY_OF_WEEK, 7, "7 is out of range"),
        (MINUTE, "mon", "'mon' is neither a number nor a name"),
        (DAY_OF_WEEK, "mo", "'mo' is neither a number nor a name"),
        (DAY_OF_WEEK, "jan", "'jan' is neither a number nor a name"),
        (MINUTE, "-5", "'-5' is neither a number nor a name"),
        (MINUTE, "٣", "'٣' is neither a number nor a name"),
        (MINUTE, "*/0", "the step '0' is not a number of 1 or more"),
        (MINUTE, "*/x", "the step 'x' is not a number of 1 or more"),
        (MINUTE, "*/", "the step '' is not a number of 1 or more"),
        (MINUTE, "5/2", "a step follows a range or a star"),
        (MINUTE, "", "expected"),
        (MINUTE, "1,,2", "expected"),
        (MINUTE, [], "is empty"),
    ],
)
def test_what_cannot_be_read_is_refused_by_field_value_and_reason(
    field: Field, spec: object, why: str
):
    with pytest.raises(ParseException) as refusal:
        field.read(spec)

    message = str(refusal.value)
    assert message.startswith(field.name)
    assert repr(spec) in message
    assert why in message
    assert f"with {field.low} to {field.high}" in message


@pytest.mark.parametrize("spec", [None, 1.5, b"5", True, [1.5], [None]])
def test_a_value_of_another_type_is_refused_by_its_type(spec: object):
    with pytest.raises(TypeError, match=r"hour is .* of type \w+; expected an int, a string"):
        HOUR.read(spec)


def test_the_parser_by_itself_reads_any_range_of_numbers():
    assert crontab_parser(31, 1).parse("*/15") == {1, 16, 31}
    assert crontab_parser(7).parse("mon-wed") == {1, 2, 3}
    assert crontab_parser(12, 1).parse("feb") == {2}
    assert crontab_parser().parse("55-2") == {55, 56, 57, 58, 59, 0, 1, 2}


def test_the_parser_by_itself_raises_the_error_it_carries():
    with pytest.raises(crontab_parser.ParseException, match="crontab field is '24'"):
        crontab_parser(24).parse("24")


@pytest.mark.parametrize(
    ("spec", "written"), [(None, "*"), (5, "5"), ("*/5", "*/5"), ([0, 30], "0,30")]
)
def test_a_field_is_written_as_in_a_crontab(spec: object, written: str):
    assert cronfield(spec) == written


@pytest.mark.parametrize(
    ("fields", "template", "values"),
    [
        ({"minute": 60}, CRON_PATTERN_INVALID, {"value": 60, "min": 0, "max": 59}),
        ({"hour": 1.5}, CRON_INVALID_TYPE, {"type": "float"}),
        (
            {"day_of_month": 31, "month_of_year": "2"},
            CRON_INVALID_DATE,
            {"day_of_month": 31, "month_of_year": "2"},
        ),
    ],
)
def test_what_is_said_of_a_wrong_crontab_is_there_as_templates(fields, template, values):
    with pytest.raises((ValueError, TypeError), match=re.escape(template.format(**values))):
        crontab(**fields)
