"""One suite a port: what its docstrings promise, asked of every adapter."""
