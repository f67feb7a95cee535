"""Stages ``eval_val_fixed`` and ``eval_test_final``: metrics, baselines and sets to evaluate models on."""
