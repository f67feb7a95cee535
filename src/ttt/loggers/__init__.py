"""Loggers of other programs, named in ``train.loggers``: TensorBoard, MLflow, DVCLive.

Each module holds one and needs a package that is an extra of this project. A logger of one's own registers itself in
the same way, in a module that is named under ``plugins``.
"""
