"""AMQP by kombu's py-amqp transport: RabbitMQ, in the declarations and headers that Celery uses.

The connection is the lease: RabbitMQ itself gives back what a closed connection held. What it does
not tell (had it been started?) stands in a ledger, where there is one.
"""
