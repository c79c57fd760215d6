"""Results as the documents that key-value stores keep under a task's id, in Celery's form."""
