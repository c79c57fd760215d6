"""Modules of Celery's that are nowhere else in celeriac: one file stands for one of them.

Which stands for which says the table in `celery_names.py`. What they define themselves are the
small functions and classes that projects import from Celery; the rest is imports.
"""
