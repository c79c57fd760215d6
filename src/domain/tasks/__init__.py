"""What is to be done: states, options, outcomes, retries, results."""
