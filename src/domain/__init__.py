"""The pure core: what tasks, messages, schedules and workers are and decide."""
