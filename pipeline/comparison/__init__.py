"""Compares finished runs row by row.

scores     each run's score on each row, rows in the same order
bootstrap  confidence intervals of means and of paired differences
verdicts   which config values differ, and for each head which runs are better beyond noise
page       the comparison as an HTML page and as text
"""
