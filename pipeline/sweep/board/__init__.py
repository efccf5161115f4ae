"""A sweep's board: what to choose of its trials, and how sure that is.

Nothing is imported here: a sweep needs `record` before its first trial starts, figures when one has ended.

record   a sweep and its trials as the board tells of them
groups   trials that differ by their seed alone, folded; which differences are noise
front    the best that can be had of several objectives at once
choice   the override lines to paste
effects  what each parameter does, the others averaged out
figures  all of it drawn
page     all of it on one page
"""
