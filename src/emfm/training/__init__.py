"""Stages ``train_stage1`` to the last: data, losses and metrics for the training template."""
