"""Self-contained HTML pages: their elements, their style, how they are written, and tables for a terminal."""
