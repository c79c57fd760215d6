"""One module a system: how its tasks are sent and its worker is started.

Each has `NAME`, `WORKER` (arguments after the interpreter), `reset()`, `enqueue(n)` (as many calls
as fast as it can, in the batches its users would use) and, where it can, `call()` (one call),
`roundtrip()` and `canvas()` (names and what starts each). All run the same task: it bumps the
counter and returns nothing.
"""
