"""`celery.contrib.sphinx`: tasks in documentation that autodoc writes.

`extensions = ["sphinx.ext.autodoc", "celery.contrib.sphinx"]`; `celery_task_prefix` is what stands
in front of a task, `(task)` unless the configuration says otherwise.
"""

from inspect import getattr_static, signature
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.domains.python import PyFunction
from sphinx.ext.autodoc import FunctionDocumenter

from ..library.current import Proxy
from ..library.task import Task

__all__ = ["TaskDirective", "TaskDocumenter", "autodoc_skip_member_handler", "setup"]


def _task(member: Any) -> Any:
    """Return the task that a member is or stands for; None for others."""
    found = member._get_current_object() if isinstance(member, Proxy) else member
    return found if isinstance(found, Task) else None


class TaskDocumenter(FunctionDocumenter):
    """Documents a task as the function that it was made of."""

    objtype = "task"
    member_order = 11

    @classmethod
    def can_document_member(cls, member: Any, membername: str, isattr: bool, parent: Any) -> bool:
        """Tell whether it is a task that was made of a function."""
        task = _task(member)
        return task is not None and hasattr(task, "__wrapped__")

    def format_args(self, **kwargs: Any) -> str:
        """Return the arguments of the function; a bound task's first one is left out."""
        task = _task(self.object)
        body = getattr(task or self.object, "__wrapped__", None)
        if body is None:
            return ""
        shown = signature(body)
        bound = task is not None and getattr_static(type(task), "run", None) is body
        parameters = list(shown.parameters.values())[1 if bound else 0 :]
        return str(shown.replace(parameters=parameters))

    def document_members(self, all_members: bool = False) -> None:
        """A task has none to show."""

    def check_module(self) -> bool:
        """Tell whether the task was defined in the module that is documented."""
        body = getattr(_task(self.object) or self.object, "__wrapped__", None)
        if body is not None and getattr(body, "__module__", None) == self.modname:
            return True
        return bool(super().check_module())


class TaskDirective(PyFunction):
    """`.. py:task::`: a function with a mark in front."""

    def get_signature_prefix(self, sig: str) -> list[nodes.Node]:
        """Return the mark."""
        return [nodes.Text(f"{self.env.config.celery_task_prefix} ")]


def autodoc_skip_member_handler(
    app: Any, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
    """Have tasks shown that autodoc would take for instances without a docstring."""
    task = _task(obj)
    if task is not None and hasattr(task, "__wrapped__") and task.__doc__:
        return False
    return None


def _ask_for_documenters(app: Any, config: Any) -> None:
    # Since Sphinx 9 documenters of others are heard only if this is said before autodoc begins.
    if hasattr(config, "autodoc_use_legacy_class_based"):
        config.autodoc_use_legacy_class_based = True


def setup(app: Any) -> dict[str, Any]:
    """Take part in a build."""
    app.setup_extension("sphinx.ext.autodoc")
    app.add_autodocumenter(TaskDocumenter)
    app.add_directive_to_domain("py", "task", TaskDirective)
    app.add_config_value("celery_task_prefix", "(task)", True)
    app.connect("autodoc-skip-member", autodoc_skip_member_handler)
    app.connect("config-inited", _ask_for_documenters, priority=100)
    return {"parallel_read_safe": True}
