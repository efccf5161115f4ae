"""One run: its parts, its results, and what it records.

job                     all parts of a run
results                 the results of the kept weights
not_finite              what is left of a loss that was not finite
ending                  which epoch was kept, and what each head lost by it
calibration             temperature scaling of class heads
decisions               thresholds of yes and no
intervals               sets and intervals from calibration rows
interval_section        the same in the report
measured                metrics of labelled rows, with bootstrap intervals
metric_intervals        those of the test rows
card                    the model card
artifacts               what a run logs to MLflow
prediction_columns      predictions as columns of a table
report_record           the content of the report
label_overview          the labels and baselines of each split
data_identity           what tells the data of a run from other data
resume                  the config of an interrupted run
"""
