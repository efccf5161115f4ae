"""A finished run, used again: its model, its evaluation on labelled rows, its predictions of raw rows."""
