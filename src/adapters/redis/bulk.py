"""Many messages stored at once by plain commands in a transaction: what PUBLISH does otherwise.

Lua copies each argument of a script, so that a thousand messages take the server four times as
long. For a few, what the further commands cost outweighs that.
"""

from __future__ import annotations

from typing import Any, Final

from .keys import Keys
from .publishing import PARKED, Groups, flat

#: From so many messages on it is worth it.
MANY: Final = 50


def put(client: Any, keys: Keys, groups: Groups) -> None:
    """Store messages, all or none, and ring the bells of their queues."""
    queues = dict.fromkeys(queue for queue, _ in groups)
    with client.pipeline(transaction=True) as steps:
        steps.execute_command("SADD", keys.queues, *queues)
        for (queue, kind), waiting in groups.items():
            if kind == PARKED:
                steps.execute_command("ZADD", keys.of_queue(queue, "parked"), *flat(waiting))
            else:
                steps.execute_command("LPUSH", keys.ready(queue, kind), *waiting)
        for queue in queues:
            steps.execute_command("XADD", keys.of_queue(queue, "bell"), "MAXLEN", 1, "*", "", "")
        answers = steps.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception):  # as the server said it, without the command
            raise answer
