"""Finished runs: predictions for new rows, and evaluations on labelled rows.

run                   a finished run: its logged model, and how its data is read
predictions           predictions for unlabelled rows
evaluation            metrics on labelled rows, with intervals
evaluation_record     what an evaluation logs
"""
