"""A composed run: its parts, its results, and what is recorded of it."""
