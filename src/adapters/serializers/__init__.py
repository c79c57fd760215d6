"""Values to bytes and back, one format a module, as other Celery processes read them."""
