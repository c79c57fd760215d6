"""Transports of kombu other than Redis and RabbitMQ, with real processes."""
