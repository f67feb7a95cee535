"""Trained models at work: one way from a checkpoint to predictions, for Python code, commands and evaluations."""
