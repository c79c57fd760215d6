"""`rpc://`: results that travel back over the broker, to who sent the task and nobody else."""
