"""Pages that need no network: what they are made of, how they look, and the files they are written to."""
