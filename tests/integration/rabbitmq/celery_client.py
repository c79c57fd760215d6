"""What Celery's own client sends, and what it gets: printed as JSON."""

import json
import sys
import time

from shop import add, again, app, fail, note, when

TIMEOUT = 30

sent = time.time()
late = when.apply_async(countdown=2)
answers = {
    "add": add.delay(2, 3).get(TIMEOUT),
    "linked": add.apply_async((3, 4), link=note.s()).get(TIMEOUT),
    "chained": (add.s(1, 2) | add.s(10)).delay().get(TIMEOUT),
    "again": again.delay(2).get(TIMEOUT),
}
result = fail.delay()
failed = result.get(TIMEOUT, propagate=False)
answers["failed"] = [result.state, type(failed).__name__, str(failed)]
answers["late"] = late.get(TIMEOUT) - sent
json.dump(answers, sys.stdout)
app.close()
