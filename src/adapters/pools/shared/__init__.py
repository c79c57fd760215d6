"""Jobs side by side in one child process: for tasks that wait, by the thousand.

The hub stays out of it, so that a task which never yields, or never lets go of the interpreter,
holds up its neighbours, and neither the worker's lease nor what it has to settle.
"""
