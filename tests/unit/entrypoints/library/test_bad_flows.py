"""Work-flows that cannot be: each is refused with words that say what to do."""

import pytest

from celeriac.canvas import chain, chord, group
from celeriac.exceptions import ChordError, NotRegistered
from celeriac.result import allow_join_result


@pytest.fixture
def add(shop):
    return shop.app.task(name="add")(lambda *numbers: sum(numbers))


@pytest.fixture
def total(shop):
    return shop.app.task(name="total")(lambda values: sum(values))


def test_a_flow_with_an_unknown_task_fails_where_that_stands(shop, add):
    result = chain(add.s(1), shop.app.signature("nobody.knows"), add.s())()
    shop.work_off()

    assert result.parent.parent.get(timeout=1) == 1
    error = result.parent.get(timeout=1, propagate=False)
    assert isinstance(error, NotRegistered)
    assert "nobody.knows" in str(error)
    assert result.failed()


def test_a_chord_with_an_unknown_header_task_names_it(shop, add, total):
    result = chord([add.s(1), shop.app.signature("nobody.knows")], total.s())()
    shop.work_off()

    error = result.get(timeout=1, propagate=False)
    assert isinstance(error, ChordError)
    assert "NotRegistered" in str(error)
    assert "nobody.knows" in str(error)


def test_a_body_that_fails_has_its_own_error(shop, add):
    note = shop.app.task(name="note")(shop.seen.append)
    broken = shop.app.task(name="broken")(lambda values: values["no"])

    result = chord([add.s(1), add.s(2)], broken.s().on_error(note.s()))()
    shop.work_off()

    with pytest.raises(TypeError, match="list indices"):
        result.get(timeout=1)
    assert shop.seen == [result.id]


def test_waiting_for_a_result_in_a_task_says_what_to_do_instead(shop, add):
    @shop.app.task(name="waits")
    def waits():
        return add.delay(1, 2).get(timeout=1)

    result = waits.delay()
    shop.work_off()

    with pytest.raises(RuntimeError, match=r"Let the other task be a callback.*a chord's body"):
        result.get(timeout=1)


def test_waiting_in_a_task_may_be_allowed(shop, add):
    group_of = group(add.s(1), add.s(2))

    @shop.app.task(name="waits")
    def waits():
        with allow_join_result():
            return group_of.apply().get()

    result = waits.delay()
    shop.work_off()

    assert result.get(timeout=1) == [1, 2]


@pytest.mark.parametrize("option", ["link", "link_error"])
def test_callbacks_of_a_whole_group_are_refused_with_what_to_write(add, option):
    with pytest.raises(TypeError, match=rf"{option} has no meaning for a group: use the members'"):
        group(add.s(1), add.s(2)).apply_async(**{option: add.s()})


@pytest.mark.parametrize("make", [chain, group], ids=["chain", "group"])
def test_what_is_no_signature_is_shown_with_what_to_write(add, make):
    with pytest.raises(TypeError, match=r"is no signature: write add\.s\(…\), not add or add\(…\)"):
        make(add.s(1), 5)


def test_a_link_to_an_empty_group_is_refused(add):
    with pytest.raises(ValueError, match="an empty group: there is no member to link to"):
        group().link(add.s())


def test_a_chord_of_which_results_were_deleted_says_so(shop, add, total):
    @shop.app.task(bind=True, name="deletes")
    def deletes(self):
        shop.app.results.memory.results.chords[self.request.group].parts.clear()

    header = [add.s(1), deletes.s().set(countdown=5)]
    result = chord(header, total.s())()
    shop.work_off()
    shop.work_off(6)

    with pytest.raises(ChordError, match=r"1 of the 2 results of this chord's header are gone"):
        result.get(timeout=1)
