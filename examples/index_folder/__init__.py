"""Index a folder: one task a file, run by a worker that this program starts and stops."""
