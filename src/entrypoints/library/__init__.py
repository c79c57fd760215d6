"""The library: what `from celeriac import …` gives."""
