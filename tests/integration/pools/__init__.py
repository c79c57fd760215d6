"""Prefork among real processes, signals and sockets."""
