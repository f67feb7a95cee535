"""emfm: the electromagnetic forward map from a near-field scan to the field on a larger plane.

``emfm.load_model("models/stage5/best.pth").predict(source_H)``: see `emfm.use.forward_model`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emfm.use.forward_model import ForwardModel, Prediction, Trust, load_model

__all__ = ["ForwardModel", "Prediction", "Trust", "load_model"]


def __getattr__(name: str) -> Any:
    """The public names, loaded when first asked for: what pins the libraries must run before torch is imported."""
    if name not in __all__:
        raise AttributeError(f"module 'emfm' has no attribute '{name}'")
    from emfm.use import forward_model

    return getattr(forward_model, name)
