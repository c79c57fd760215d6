"""Smaller bodies, one format a module, under the names and content types that Celery uses."""
