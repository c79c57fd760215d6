"""What the host machine gives: time and chance."""
