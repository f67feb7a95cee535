"""In which direction a current swings, as seen from above."""

from math import degrees
from typing import Final

import numpy as np

from emfm.core.channels import Complex, Real

_UPRIGHT_DEG: Final = 30.0


def main_direction(moment: Complex) -> Real:
    """The unit vector ``(3,)`` along which a moment swings most: the long axis of its ellipse; its sign is free."""
    turned = moment * np.exp(-0.5j * np.angle(np.sum(moment**2)))
    length = float(np.linalg.norm(turned.real))
    direction: Real = turned.real / length if length else np.zeros(3)
    return direction


def seen_from_above(moment: Complex, length: float) -> tuple[float, float]:
    """x and y of a line of this ``length`` along the main direction of a moment."""
    x, y, _ = length * main_direction(moment)
    return float(x), float(y)


def is_upright(moment: Complex) -> bool:
    """Whether it swings most within 30 degrees of the z axis."""
    return bool(abs(main_direction(moment)[2]) >= np.cos(np.radians(_UPRIGHT_DEG)))


def direction_words(moment: Complex) -> str:
    """``upright``, or ``level, 30° from x``, as seen from above."""
    if is_upright(moment):
        return "upright"
    x, y, z = main_direction(moment)
    return f"{'level' if abs(z) < 0.5 else 'sloping'}, {degrees(np.arctan2(y, x)) % 180:.0f}\N{DEGREE SIGN} from x"
