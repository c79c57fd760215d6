"""`python -m celeriac`: the command line."""

from .entrypoints.start import main

if __name__ == "__main__":
    main()
