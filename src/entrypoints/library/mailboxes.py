"""Mailboxes of kombu's: another way to the workers of an app, for those who have a connection."""

from importlib import import_module
from typing import Any

from ...domain.errors import NotSupported
from ...domain.settings import Settings


def mailbox_class() -> Any:
    """Return kombu's class. Raises NotSupported if kombu is not installed."""
    try:
        return import_module("kombu.pidbox").Mailbox
    except ImportError as missing:
        raise NotSupported("mailboxes need kombu: pip install celeriac[amqp]") from missing


def mailbox(conf: Settings, kind: Any) -> Any:
    """Return the mailbox that the settings describe, without a connection."""
    return kind(
        conf.control_exchange,
        type="fanout",
        accept=conf.accept_content,
        serializer=conf.task_serializer,
        queue_ttl=conf.control_queue_ttl,
        queue_expires=conf.control_queue_expires,
        queue_durable=conf.control_queue_durable,
        queue_exclusive=conf.control_queue_exclusive,
        reply_queue_ttl=conf.control_queue_ttl,
        reply_queue_expires=conf.control_queue_expires,
    )
