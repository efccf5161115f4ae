"""Experiment tracking for multi-input, multi-output Keras models."""
