"""What was measured, as lines of text."""

import statistics
import sys

Row = dict[str, float]


def table(rows: dict[str, list[Row]], *ratios_of: str) -> None:
    """Print medians (least to most), and the ratios of the last row but one to the last."""
    for name, found in rows.items():
        cells = [f"{key} {_spread([row[key] for row in found])}" for key in found[0]]
        say(f"{name:28} " + "   ".join(cells))
    *_, ours, theirs = rows
    for key in ratios_of:
        first, last = (statistics.median(row[key] for row in rows[n]) for n in (ours, theirs))
        say(f"{'ratio':28} {key} {ours} / {theirs} = {first / last:.2f}")
    say("")


def _spread(values: list[float]) -> str:
    return f"{_number(statistics.median(values))} ({_number(min(values))}-{_number(max(values))})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
