"""The fields of a scene, by the function that takes electric and magnetic moments apart."""

import numpy as np

from emfm.core.elements import element_fields


def scene_fields(scene, points, frequency):
    """``(E, H)`` at ``points``: see `emfm.core.elements.element_fields`."""
    is_magnetic = scene.magnetic[:, None]
    electric, magnetic = np.where(is_magnetic, 0, scene.moments), np.where(is_magnetic, scene.moments, 0)
    return element_fields(points, scene.positions, electric, magnetic, frequency)
