"""Finished runs held against each other, row by row.

scores     what each run scored on each row, rows in one order
bootstrap  intervals of means and of paired differences
verdicts   runs -> what differs in their configs, and per head who is better beyond noise
page       the same as a page
"""
