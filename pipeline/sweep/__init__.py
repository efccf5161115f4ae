"""Sweeps: Hydra's sweepers and launchers run the trials; this keeps them together in MLflow.

callback   told by Hydra when a sweep and its jobs start and end
parent     the sweep's own run: its children, their states, its links
trial      one job: its run in MLflow, or what an earlier attempt at it reached
process    which process runs a trial, and whether it still does
study      a stored Optuna study brought up to date before it goes on
launchers  how many trials share a machine; workers started ahead
preload    what they import
"""
