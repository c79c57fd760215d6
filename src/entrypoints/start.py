"""Where the program starts: what must be quick is seen to before the command line is imported."""

import sys


def main() -> None:
    """Run the command line of this process, and exit."""
    words = sys.argv[1:]
    if "--self" in words:
        from .web import self_check

        if self_check.is_asked(words):
            sys.exit(self_check.main(words))
    from .cli import main as run

    run(words)
