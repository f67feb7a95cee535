"""Real linear least squares with a ridge, on any device."""

import torch
from torch import Tensor


def fit_with_ridge(x: Tensor, y: Tensor, ridge: float) -> Tensor:
    """W that minimises ||x W - y||^2 + lambda ||W||^2 for real x ``(n, inputs)`` and y ``(n, outputs)``.

    By the eigenvectors of x^T x on the device of ``x``: inputs that depend on one another, or are zero, do no harm.
    ``ridge`` is lambda relative to the mean of the diagonal of x^T x.
    """
    gram = x.mT @ x
    size = gram.diagonal().mean().clamp_min(torch.finfo(x.dtype).tiny)
    values, vectors = torch.linalg.eigh(gram / size)
    turned = vectors.mT @ (x.mT @ y)
    solution: Tensor = vectors @ (turned / ((values.clamp_min(0) + ridge) * size)[:, None])
    return solution
