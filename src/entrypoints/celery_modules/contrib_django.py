"""`celery.contrib.django`: a package."""

# What is below it is imported by this name.
__name__ = "celery.contrib.django"
