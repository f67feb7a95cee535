"""emfm: the electromagnetic forward map from a near-field scan to the field on a larger plane.

``emfm.load_model("models/stage5/best.pth").predict(source_H)``: see `emfm.use.forward_model`.
``emfm.find_sources(emfm.read_measured("scan.csv", 1e9))``, without a model: see `emfm.use.measured_sources`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emfm.core.measured import MeasuredField
    from emfm.plates.ground_plane import Board
    from emfm.use.forward_model import ForwardModel, Prediction, Trust, load_model
    from emfm.use.measured_sources import (
        MeasuredCurrents,
        MeasuredSources,
        find_currents,
        find_sources,
        read_measured,
    )

__all__ = [
    "Board",
    "ForwardModel",
    "MeasuredCurrents",
    "MeasuredField",
    "MeasuredSources",
    "Prediction",
    "Trust",
    "find_currents",
    "find_sources",
    "load_model",
    "read_measured",
]

_MODULES = {
    "Board": "emfm.plates.ground_plane",
    "MeasuredField": "emfm.core.measured",
    "MeasuredCurrents": "emfm.use.measured_sources",
    "MeasuredSources": "emfm.use.measured_sources",
    "find_currents": "emfm.use.measured_sources",
    "find_sources": "emfm.use.measured_sources",
    "read_measured": "emfm.use.measured_sources",
}


def __getattr__(name: str) -> Any:
    """The public names, loaded when first asked for: what pins the libraries must run before torch is imported."""
    if name not in __all__:
        raise AttributeError(f"module 'emfm' has no attribute '{name}'")
    return getattr(import_module(_MODULES.get(name, "emfm.use.forward_model")), name)
