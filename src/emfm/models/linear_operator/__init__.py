"""The model `linear_operator`."""
