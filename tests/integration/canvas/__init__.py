"""Work-flows on a real store, with real workers, some of which are killed."""
