"""Where a person or a process walks in: the library, the command line, the container."""
