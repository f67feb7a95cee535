"""What current elements radiate in free space: the far field in every direction, and the power through a sphere.

Of an electric element I*l and a magnetic element K*l at r', with k = 2 pi f / c and the direction r towards the
observer (Balanis, Advanced Engineering Electromagnetics, 2nd ed., sections 6.7 and 7.5; exp(+jwt)):

    r E_theta exp(+jkr) -> -jk / (4 pi) (eta0 I*l . theta + K*l . phi) exp(jk r . r')
    r E_phi   exp(+jkr) -> -jk / (4 pi) (eta0 I*l . phi - K*l . theta) exp(jk r . r')

The limit is that of r -> infinity, from the origin of the coordinates; eta0 H is E turned by 90 degrees there.
"""

from math import ceil, pi
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from emfm.core.channels import Complex, Real
from emfm.core.constants import ETA_0, SPEED_OF_LIGHT
from emfm.sources.found import CurrentElements

_SPARE_DEGREES: Final = 12
"""Of the quadrature above k times the radius: the far field of elements within a radius has hardly more harmonics."""


def far_field(elements: CurrentElements, theta: ArrayLike, phi: ArrayLike) -> tuple[Complex, Complex]:
    """The far field r E exp(jkr) in some directions: ``(E_theta, E_phi)``, V, peak phasors.

    Args:
        elements: what radiates, in free space.
        theta: angle from the z axis, rad, of any shape.
        phi: angle from the x axis towards the y axis, rad; it is broadcast with ``theta``.
    """
    theta, phi = np.broadcast_arrays(np.asarray(theta, np.float64), np.asarray(phi, np.float64))
    towards, along_theta, along_phi = _directions(theta.ravel(), phi.ravel())
    wavenumber = 2 * pi * elements.frequency / SPEED_OF_LIGHT
    e_theta, e_phi = np.zeros((2, len(towards)), np.complex128)
    for part in elements.parts():
        waves = -1j * wavenumber / (4 * pi) * np.exp(1j * wavenumber * towards @ part.positions.T)  # (P, n)
        electric, magnetic = ETA_0 * part.electric.T, part.magnetic.T
        e_theta += (waves * (along_theta @ electric + along_phi @ magnetic)).sum(axis=1)
        e_phi += (waves * (along_phi @ electric - along_theta @ magnetic)).sum(axis=1)
    return e_theta.reshape(theta.shape), e_phi.reshape(theta.shape)


def radiated_power(elements: CurrentElements) -> float:
    """The power that elements radiate in free space, W: ``|r E|^2 / (2 eta0)``, summed over the sphere.

    Gauss-Legendre points in cos(theta) and even steps in phi are exact for spherical harmonics up to a degree, which
    is chosen by the elements' extent.
    """
    if not len(elements):
        return 0.0
    middle = (elements.positions.min(axis=0) + elements.positions.max(axis=0)) / 2
    centred = CurrentElements(elements.positions - middle, elements.electric, elements.magnetic, elements.frequency)
    radius = float(np.linalg.norm(centred.positions, axis=1).max())
    degree = ceil(2 * pi * elements.frequency / SPEED_OF_LIGHT * radius) + _SPARE_DEGREES
    cosines, weights = np.polynomial.legendre.leggauss(degree + 1)
    phi = 2 * pi * np.arange(2 * degree + 1) / (2 * degree + 1)
    e_theta, e_phi = far_field(centred, np.arccos(cosines)[:, None], phi)
    rings = (np.abs(e_theta) ** 2 + np.abs(e_phi) ** 2).mean(axis=1)
    return float(2 * pi * weights @ rings) / (2 * ETA_0)


def _directions(theta: Real, phi: Real) -> tuple[Real, Real, Real]:
    """The unit vectors r, theta and phi of P directions, ``(P, 3)`` each."""
    sin_t, cos_t, sin_p, cos_p = np.sin(theta), np.cos(theta), np.sin(phi), np.cos(phi)
    return (
        np.stack([sin_t * cos_p, sin_t * sin_p, cos_t], axis=1),
        np.stack([cos_t * cos_p, cos_t * sin_p, -sin_t], axis=1),
        np.stack([-sin_p, cos_p, np.zeros_like(phi)], axis=1),
    )
