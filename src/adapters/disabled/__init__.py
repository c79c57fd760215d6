"""The result backend of those who want no results."""
