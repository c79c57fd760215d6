"""Errors of the driver and the server in our own words. Translated once, at the link's edge."""

from __future__ import annotations

from ...domain.errors import BrokerUnavailable, CeleriacError, ImproperlyConfigured
from .driver import amqp


def driver_errors() -> tuple[type[BaseException], ...]:
    """Return what py-amqp and the sockets under it may raise."""
    return (amqp().exceptions.AMQPError, OSError)


def ends_connection(error: BaseException) -> bool:
    """Tell whether the connection cannot be used any more after this."""
    return not isinstance(error, amqp().exceptions.ChannelError)


def translated(error: BaseException, where: str) -> CeleriacError:
    """Return the exception to raise from a driver's error."""
    known = amqp().exceptions
    said = " ".join(str(error).split()) or type(error).__name__
    match error:
        case known.PreconditionFailed() if "acknowledgement" in said and "timed out" in said:
            return BrokerUnavailable(
                f"{where} took back what was not acknowledged within its consumer_timeout; for "
                "tasks with acks_late that take longer set a longer x-consumer-timeout on their "
                f"queue, or consumer_timeout in rabbitmq.conf ({said})"
            )
        case known.PreconditionFailed() if "inequivalent" in said:
            return ImproperlyConfigured(
                f"{where}: a queue or exchange of that name is there with other properties "
                f"({said}); delete it, or make task_queues, task_default_queue_type and "
                "task_queue_max_priority say what it was made with"
            )
        case known.AccessRefused() if "ACCESS_REFUSED" in said and "login" in said.lower():
            return _login_refused(where, said)
        case known.AccessRefused() | known.NotAllowed() if "vhost" in said:
            return BrokerUnavailable(
                f"{where}: there is no such virtual host, or this user may not use it ({said}); "
                "check the path of broker_url, or `rabbitmqctl add_vhost` and `set_permissions`"
            )
        case known.AccessRefused():
            return BrokerUnavailable(
                f"{where} refuses this ({said}); give the user of broker_url the permissions to "
                "configure, write and read (`rabbitmqctl set_permissions`)"
            )
        case known.ResourceLocked():
            return BrokerUnavailable(f"{where}: another connection has this queue alone ({said})")
        case _:
            return BrokerUnavailable(f"{where}: {said}")


def not_connected(error: BaseException, where: str, timeout: float) -> CeleriacError:
    """Return the exception to raise when no connection came about."""
    known = amqp().exceptions
    said = " ".join(str(error).split()) or type(error).__name__
    match error:
        case known.AMQPError() if "login" in said.lower() or "ACCESS_REFUSED" in said:
            return _login_refused(where, said)
        case known.NotAllowed() | known.InvalidPath():
            return translated(error, where)
        case TimeoutError():
            return BrokerUnavailable(
                f"{where} did not answer within {timeout:g} s (broker_connection_timeout)"
            )
        case _:
            return BrokerUnavailable(
                f"{where} cannot be reached ({said}); is it running, and is broker_url right?"
            )


def _login_refused(where: str, said: str) -> CeleriacError:
    return BrokerUnavailable(
        f"{where} does not let this client in ({said}); check user and password in broker_url "
        "and broker_login_method"
    )
