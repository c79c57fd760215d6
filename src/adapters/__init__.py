"""What carries batches of data in and out: one package a technology; none knows another."""
