"""Programs that show celeriac at work on real input."""
