"""Results in one DynamoDB table, in Celery's items."""
