"""Result backends that a site has written for Celery, behind our port."""
