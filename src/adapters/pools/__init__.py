"""Pools of this host: solo, threads, and prefork's processes."""
