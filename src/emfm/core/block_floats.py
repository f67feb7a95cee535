"""Block floating point: a field in 2 bytes a value, one exponent shared by each row of the plane.

``value = mantissa * 2**exponent`` with int16 mantissas and int8 exponents (J. H. Wilkinson, Rounding Errors in
Algebraic Processes, 1963, section 1.3). The exponent is the smallest that holds the row's largest value, so rounding
is at most 2**-15 of that. What was decoded is encoded to the same bytes again.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MANTISSA: Final = np.int16
EXPONENT: Final = np.int8
_BITS: Final = 15
_LARGEST: Final = np.iinfo(MANTISSA).max
_LOWEST: Final = -127  # one more would do for int8, but its inverse power of two not for float32
_FIRST_POWER: Final = int(np.iinfo(EXPONENT).min)
_POWERS: Final = np.ldexp(np.float32(1), np.arange(_FIRST_POWER, -_FIRST_POWER))
_VANISHING: Final = 2.0 ** (_LOWEST - 1)  # what is not above it is rounded to zero


def encode(values: NDArray[np.float32]) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Mantissas ``(..., ny, nx)`` and exponents ``(..., ny)`` of finite ``values`` ``(..., ny, nx)``."""
    mantissas = np.abs(values)
    largest = mantissas.max(axis=-1)
    exponents = np.where(largest > _VANISHING, np.maximum(np.frexp(largest)[1] - _BITS, _LOWEST), 0)
    np.multiply(values, _power_of_two(-exponents), out=mantissas)
    np.rint(mantissas, out=mantissas)
    mantissas.clip(-_LARGEST, _LARGEST, out=mantissas)
    return mantissas.astype(MANTISSA), exponents.astype(EXPONENT)


def decode(mantissas: NDArray[np.int16], exponents: NDArray[np.int8]) -> NDArray[np.float32]:
    """The values ``(..., ny, nx)``, exactly: the inverse of `encode` but for its rounding."""
    return scaled(mantissas.astype(np.float32), exponents)


def scaled(mantissas: NDArray[np.float32], exponents: NDArray[np.int8]) -> NDArray[np.float32]:
    """The array of ``mantissas``, which now holds the values: see `decode`."""
    import torch  # here, for those who only encode: it takes seconds to load

    torch.from_numpy(mantissas).mul_(torch.from_numpy(_power_of_two(exponents)))  # on all threads
    return mantissas


def _power_of_two(exponents: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """What scales the rows of a plane: a product with it is faster than `numpy.ldexp` of the plane, and as exact."""
    powers: NDArray[np.float32] = _POWERS.take(exponents.astype(np.int16) - _FIRST_POWER)
    return powers[..., None]


def rounding(row: int) -> float:
    """By how much, relative L2, two equal fields with rows of so many values may at most differ once encoded."""
    return float(np.sqrt(row)) * 2.0 ** (1 - _BITS)
