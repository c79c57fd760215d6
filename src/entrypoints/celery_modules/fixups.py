"""`celery.fixups`: a package."""

# What is below it is imported by this name.
__name__ = "celery.fixups"
