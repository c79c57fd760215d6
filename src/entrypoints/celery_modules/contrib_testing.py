"""`celery.contrib.testing`: a package."""

# What is below it is imported by this name.
__name__ = "celery.contrib.testing"
