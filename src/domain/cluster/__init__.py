"""Who is there: control commands and events as data."""
