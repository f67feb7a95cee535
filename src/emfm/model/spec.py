"""The facts a field model is made for, kept in its checkpoint so that inference needs nothing else."""

from emfm.core.grid import Geometry
from emfm.core.norm_stats import NormStats
from emfm.core.planes import PlaneParams
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
