"""Trained models at work: in Python code, as exported graphs, on files of fields."""
