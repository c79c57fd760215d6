"""Vouching for messages with RSA keys and X.509 certificates, in the format of Celery's `auth`."""
