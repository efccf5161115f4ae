"""A sweep's board: which configuration to choose, and how sure that choice is.

This file imports nothing: a sweep reads `pipeline.sweep.trials` long before it needs matplotlib.

groups   trials that differ only in their seed or fold, as one configuration; which differences are noise
folds    the section on folds; fold_means: means over them
front    the Pareto front of several metrics, and its knee
choice   the configurations to choose, with the commands to paste
effects  the effect of each parameter, averaged over the others
figures  the board's figures
page     the board as an HTML page
"""
