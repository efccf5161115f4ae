"""Sweeps: Hydra's sweepers and launchers run the trials; this package keeps the trials together in MLflow.

callback   called by Hydra when a sweep and its jobs start and end
plan       what a sweep varies, and how many trials that makes
parent     the sweep's own run: its trials, their statuses, its description
attempt    one job: its run in MLflow, or the result of an earlier attempt
process    which process runs a trial, and whether it is alive
folds      which trials hold out the folds of the same rows
out_of_fold  the predictions of each row by the trial that held it out
study      brings a stored Optuna study up to date before a search resumes
trials     a sweep and its trials as plain values
lines      what a sweep prints
watch      draws the board while the trials run
board      the page with the results of a sweep
launchers  how many trials share a machine; starts workers early
preload    the imports of every trial
"""
