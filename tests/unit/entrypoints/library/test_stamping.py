"""Stamps on signatures, in messages, and in what tasks see of them."""

import pytest

from celeriac import chain, chord, group
from celeriac.canvas import GroupStampingVisitor, StampingVisitor


@pytest.fixture
def show(shop):
    @shop.app.task(name="show", bind=True)
    def show(self, *_):
        shop.seen.append((self.request.stamps, self.request.stamped_headers))

    return show


class Numbering(StampingVisitor):
    """Stamps each call with its number."""

    def __init__(self) -> None:
        self.number = 0

    def on_signature(self, sig, **headers):
        self.number += 1
        return {"number": self.number}


def test_a_task_sees_the_stamps_of_its_call(shop, show):
    sig = show.s()

    assert sig.stamp(by="me", at=[1, 2]) is sig
    sig.delay()
    shop.work_off()

    assert shop.seen == [({"by": "me", "at": [1, 2]}, ["by", "at"])]


def test_stamps_reach_every_call_of_a_work_flow(shop, show):
    flow = chain(show.si(), group(show.si(), show.si()), show.si(), show.si())

    flow.stamp(Numbering()).delay()
    shop.work_off()

    assert sorted(stamps["number"] for stamps, _ in shop.seen) == [1, 2, 3, 4, 5]


def test_callbacks_and_errbacks_are_stamped_too(shop, show):
    @shop.app.task(name="fail")
    def fail():
        raise KeyError

    show.si().stamp(by="first").on_error(show.si()).delay()
    linked = show.si()
    linked.link(show.si())
    linked.stamp(by="link").delay()
    fail.si().on_error(show.si()).stamp(by="error").delay()
    shop.work_off()

    assert sorted(stamps["by"] for stamps, _ in shop.seen) == ["error", "first", "link", "link"]


def test_options_of_a_later_call_do_not_change_stamps(shop, show):
    sig = show.si().stamp(by="me")

    sig.apply_async(by="you", stamped_headers=["by", "at"], at="noon")
    sig.clone(by="you").delay()
    shop.work_off()

    assert [stamps for stamps, _ in shop.seen] == [{"by": "me"}] * 2


def test_a_visitor_is_told_of_each_part_in_turn(shop, show):
    told = []

    class Telling(StampingVisitor):
        def on_signature(self, sig, **headers):
            told.append(sig.args)

    for name in (
        "on_chain_start on_chain_end on_group_start on_group_end on_chord_header_start "
        "on_chord_header_end on_chord_body on_callback on_errback"
    ).split():
        setattr(Telling, name, lambda self, sig, name=name, **_: told.append(name))
    linked = show.s(2)
    linked.link(show.s(3))

    chain(show.s(1), linked, app=shop.app).stamp(Telling())
    chord([show.s(4)], show.s(5).on_error(show.s(6))).stamp(Telling())
    group(show.s(7)).stamp(Telling())

    assert told == [
        *("on_chain_start", (1,), "on_callback", (3,), (2,), "on_chain_end"),
        *("on_chord_header_start", (4,), "on_chord_header_end"),
        *("on_chord_body", "on_errback", (6,), (5,)),
        *("on_group_start", (7,), "on_group_end"),
    ]


def test_calls_may_be_stamped_with_the_groups_they_are_in(shop, show):
    flow = group(show.si(), chain(show.si(), group(show.si(), show.si())))

    flow.stamp(GroupStampingVisitor())
    flow.delay()
    shop.work_off()

    assert sorted(len(stamps["groups"]) for stamps, _ in shop.seen) == [1, 1, 2, 2]
    assert all(stamps["groups"][0] == flow.id for stamps, _ in shop.seen)


def test_a_group_of_a_generator_may_be_stamped(shop, show):
    group(show.si() for _ in range(3)).stamp(by="me").delay()
    shop.work_off()

    assert [stamps for stamps, _ in shop.seen] == [{"by": "me"}] * 3
