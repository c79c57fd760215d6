"""celeriac beside its peers, measured in one run: what counts is the ratio."""
