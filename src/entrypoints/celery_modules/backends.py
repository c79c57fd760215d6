"""`celery.backends`: a package."""
