"""Tasks whose parameters and results are models of pydantic."""

import asyncio
import sys
from typing import Optional

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from celeriac import chain, group
from celeriac.domain.errors import EncodeError, ImproperlyConfigured
from celeriac.entrypoints.celery_modules.app_base import pydantic_wrapper


class Order(BaseModel):
    number: int
    lines: list[str] = []


class Receipt(BaseModel):
    total: int


class Asking(BaseModel):
    who: str

    @field_validator("who")
    @classmethod
    def told(cls, value, info):
        return f"{value} of {info.context['celery_task_name']} in {info.context['shop']}"


@pytest.fixture
def pay(shop):
    @shop.app.task(name="pay", pydantic=True)
    def pay(order: Order, note: str = "", extra: Optional[Order] = None) -> Receipt:  # noqa: UP045 - as people write
        assert type(order) is Order
        assert extra is None or type(extra) is Order
        shop.seen.append((order.number, note))
        return Receipt(total=order.number * 10)

    return pay


def test_a_model_is_sent_as_plain_data_and_arrives_as_a_model(shop, pay):
    sent = pay.delay(Order(number=2), extra=Order(number=3))
    (message,) = shop.app.broker.peek("celery", 10)
    shop.work_off()

    assert shop.app.container.codec().decode(message.payload)[0] == [{"number": 2, "lines": []}]
    assert sent.get(timeout=1) == {"total": 20}


def test_plain_data_is_checked_where_the_task_runs(shop, pay):
    good, bad = pay.delay({"number": "4"}, "note"), pay.delay({"number": "four"})
    shop.work_off()

    assert good.get(timeout=1) == {"total": 40}
    assert shop.seen == [(4, "note")]
    assert bad.state == "FAILURE"
    assert "valid integer" in bad.traceback


def test_values_of_other_types_are_refused_if_it_is_strict(shop):
    @shop.app.task(name="pay", pydantic=True, pydantic_strict=True)
    def pay(order: Order):
        return order.number

    assert pay({"number": 4}) == 4
    with pytest.raises(ValidationError):
        pay({"number": "4"})


def test_parts_of_work_flows_are_sent_as_plain_data_too(shop, pay):
    @shop.app.task(name="total", pydantic=True)
    def total(receipt: Receipt) -> int:
        return receipt.total

    chained = chain(pay.s(Order(number=2)), total.s()).delay()
    grouped = group(pay.s(Order(number=n)) for n in range(2)).delay()
    shop.work_off()

    assert chained.get(timeout=1) == 20
    assert grouped.get(timeout=1) == [{"total": 0}, {"total": 10}]


def test_a_bound_task_gets_itself_first(shop):
    @shop.app.task(name="pay", bind=True, pydantic=True)
    def pay(self, order: Order) -> str:
        return f"{self.name} {order.number}"

    sent = pay.delay(Order(number=5))
    shop.work_off()

    assert sent.get(timeout=1) == "pay 5"


def test_a_coroutine_takes_models_as_well(shop):
    @shop.app.task(name="pay", pydantic=True)
    async def pay(order: Order) -> Receipt:
        await asyncio.sleep(0)
        return Receipt(total=order.number)

    sent = pay.delay(Order(number=6))
    shop.work_off()

    assert pay.is_coroutine
    assert sent.get(timeout=1) == {"total": 6}


def test_validators_find_the_task_and_what_the_project_says(shop):
    @shop.app.task(name="ask", pydantic=True, pydantic_context={"shop": "Rome"})
    def ask(asking: Asking) -> str:
        return asking.who

    sent = ask.delay({"who": "Ann"})
    shop.work_off()

    assert sent.get(timeout=1) == "Ann of ask in Rome"


def test_a_model_is_dumped_as_the_project_says(shop):
    @shop.app.task(name="pay", pydantic=True, pydantic_dump_kwargs={"exclude_defaults": True})
    def pay(order: Order) -> Order:
        return order

    sent = pay.delay(Order(number=7))
    shop.work_off()

    assert sent.get(timeout=1) == {"number": 7}


def test_a_model_no_parameter_asks_for_is_not_sent(shop):
    @shop.app.task(name="any", pydantic=True)
    def anything(value):
        return value

    with pytest.raises(EncodeError):
        anything.delay(Order(number=1))


def test_a_base_class_with_its_own_apply_async_is_asked(shop):
    class Noted(shop.app.Task):
        def apply_async(self, args=None, kwargs=None, **options):
            shop.seen.append(list(args))
            return super().apply_async(args, kwargs, **options)

    @shop.app.task(name="pay", base=Noted, pydantic=True)
    def pay(order: Order):
        return order.number

    pay.delay(Order(number=8))

    assert shop.seen == [[{"number": 8, "lines": []}]]


def test_without_pydantic_the_extra_is_named(shop, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydantic", None)

    with pytest.raises(ImproperlyConfigured, match=r"'pay'.*celeriac\[pydantic\]"):
        shop.app.task(name="pay", pydantic=True)(lambda order: order)


def test_a_function_can_be_wrapped_by_hand(shop):
    def pay(order: Order) -> Receipt:
        return Receipt(total=order.number)

    wrapped = pydantic_wrapper(shop.app, pay, "pay")

    assert wrapped({"number": 9}) == {"total": 9}
