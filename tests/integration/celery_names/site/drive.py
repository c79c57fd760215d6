"""A client of the project: sends what there is and prints what came of it."""

import json
import sys

import celery
from celery import chain, group
from celery.result import AsyncResult
from shop.tasks import add, fail, flaky, summing

said = {"celery": celery.__version__, "module": type(add.app).__module__}
said["add"] = add.delay(2, 3).get(timeout=30)
said["chain"] = chain(add.s(1, 1), add.s(10), add.s(100))().get(timeout=30)
said["group"] = group(add.s(n, n) for n in range(3))().get(timeout=30)
said["class"] = summing.delay([1, 2, 3]).get(timeout=30)
said["retries"] = flaky.delay(2).get(timeout=30)
failed = fail.delay()
try:
    failed.get(timeout=30)
except KeyError as error:
    said["failure"] = [repr(error), failed.state, AsyncResult(failed.id).state]
json.dump(said, sys.stdout)
