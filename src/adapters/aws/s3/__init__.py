"""Results in one S3 bucket, as Celery's objects."""
