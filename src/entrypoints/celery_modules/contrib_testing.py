"""`celery.contrib.testing`: a package."""
