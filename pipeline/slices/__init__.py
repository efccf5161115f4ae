"""Slices: rows that share a value, such as a carrier or a class, and whether a model is worse on them.

groups     the groups of rows that a column, or a head's labels, make
worse      which groups have larger losses than the other rows, beyond chance
"""
