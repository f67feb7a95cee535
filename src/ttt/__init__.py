"""ttt: a reusable PyTorch training template. It knows nothing of any task built on it."""
