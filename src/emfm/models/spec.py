"""The facts a field model is made for, kept in its checkpoint so that inference needs nothing else."""

from emfm.data.stats import NormStats
from emfm.params.data import PlaneParams
from emfm.physics.grid import Geometry
from ttt.config import Section


class FieldSpec(Section):
    """Frequency, planes, and channel names with their normalisation."""

    frequency_hz: float
    source_plane: PlaneParams
    target_plane: PlaneParams
    norm: NormStats

    def geometry(self) -> Geometry:
        """Frequency and planes, in SI units."""
        return Geometry(self.frequency_hz, self.source_plane.to_grid(), self.target_plane.to_grid())
