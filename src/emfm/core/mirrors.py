"""What mirrors in x and in y make of vectors.

A mirror turns the component of a polar vector across it, as E and places are, and the components of an axial vector
along it, as H is (J. D. Jackson, "Classical Electrodynamics", 3rd ed., section 6.10).
"""

from emfm.core.channels import E_COMPONENTS, H_COMPONENTS


def polar_signs(mirror_x: bool, mirror_y: bool) -> tuple[float, float, float]:
    """What multiplies x, y and z of a polar vector."""
    return (-1.0 if mirror_x else 1.0), (-1.0 if mirror_y else 1.0), 1.0


def axial_signs(mirror_x: bool, mirror_y: bool) -> tuple[float, float, float]:
    """The same of an axial vector: those of a polar one, times their product."""
    x, y, z = polar_signs(mirror_x, mirror_y)
    return y * z, x * z, x * y


def component_signs(mirror_x: bool, mirror_y: bool) -> dict[str, float]:
    """The same of each component of the field."""
    polar, axial = polar_signs(mirror_x, mirror_y), axial_signs(mirror_x, mirror_y)
    return dict(zip((*E_COMPONENTS, *H_COMPONENTS), (*polar, *axial), strict=True))
