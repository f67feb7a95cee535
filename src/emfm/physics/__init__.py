"""Fields of current elements in free space, in SI units and with the time factor exp(+jwt)."""

from emfm.physics.aperture import aperture_fields
from emfm.physics.elements import element_fields
from emfm.physics.grid import Geometry, Grid

__all__ = ["Geometry", "Grid", "aperture_fields", "element_fields"]
