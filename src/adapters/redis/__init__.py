"""Redis adapters: messages in kombu's lists, so that Celery's workers and clients share them.

What kombu has no place for (claims and their owners, parked messages, dead letters, pauses)
stands beside it in keys of our own; `keys.py` names them all.
"""
