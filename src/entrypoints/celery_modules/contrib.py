"""`celery.contrib`: a package."""
