"""Stage ``compute_norm_stats``: mean and standard deviation of each channel."""
