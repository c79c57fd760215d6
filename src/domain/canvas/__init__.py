"""Work-flows as algebra: signatures and what they unfold into."""
