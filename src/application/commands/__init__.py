"""Remote control commands, all of them in one table."""

from . import about_tasks, about_worker, on_tasks, on_worker
from .node import Node, Surroundings
from .panel import Panel, boolean, control_command, inspect_command

__all__ = [
    "Node",
    "Panel",
    "Surroundings",
    "about_tasks",
    "about_worker",
    "boolean",
    "control_command",
    "inspect_command",
    "on_tasks",
    "on_worker",
]
