"""The forward map, from source H to target E and H: train, evaluate, predict."""
