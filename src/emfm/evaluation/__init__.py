"""How a field model is judged: figures, the baselines beside it, and the results of a set."""
