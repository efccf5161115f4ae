"""Finished runs: predictions for new rows, and evaluations on labelled rows.

run                   a finished run: its logged model, and how its data is read
stored_calibration    the scores behind its sets and intervals
cross_rows            the same for ensembles, from rows that members held out
predictions           predictions for unlabelled rows
evaluation            metrics on labelled rows, with intervals
slicing               the same per slice: the rows that share a value
slice_record          slices on the page and on the terminal
evaluation_record     what an evaluation logs
"""
