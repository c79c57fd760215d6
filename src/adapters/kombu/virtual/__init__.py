"""Every other transport of kombu, by one broker: what carries the messages differs, nothing else.

None of these tells whether a worker lives. Where the result backend keeps a ledger of started
tasks, a claimed message is noted there whole, under the worker's lease, and leaves its transport:
so claims outlast their worker. Without one a message stays where it is until it is settled, as
well as its transport can.
"""
