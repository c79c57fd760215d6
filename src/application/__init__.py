"""Use cases: what a user or a process wants done, driving the domain through the ports."""
