"""What a worker decides: intake, execution, settlement, limits, shutdown."""
