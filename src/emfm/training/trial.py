"""Whether a model can be made for the planes under ``data``, tried before hours of work on them."""

from typing import Any

import torch

from emfm.core.channels import SOURCE_CHANNELS, TARGET_CHANNELS
from emfm.core.norm_stats import NormStats
from emfm.model.spec import FieldSpec
from emfm.settings import Params
from ttt.config import ConfigError
from ttt.engine.randomness import undisturbed
from ttt.parts import MODELS


def refuse_impossible_model(params: Params) -> None:
    """Raise ConfigError where the model cannot be built for these planes, or cannot take a scan of them.

    It takes a part of a second, beside the loading of torch.
    """
    data, channels = params.data, {"source": SOURCE_CHANNELS, "target": TARGET_CHANNELS}
    layout: dict[str, Any] = {}
    for plane, names in channels.items():
        layout |= {f"{plane}_channels": list(names), f"{plane}_mean": [0.0] * len(names)}
        layout |= {f"{plane}_std": [1.0] * len(names)}
    norm = NormStats(samples=1, scale_by_source=data.scale_by_source, norm_eps=params.loss.norm_eps, **layout)
    planes = {key: getattr(data, key) for key in ("frequency_hz", "source_plane", "target_plane")}
    spec = FieldSpec(norm=norm, **planes)
    scan = torch.ones(1, len(SOURCE_CHANNELS), *spec.geometry().source.shape)
    try:
        with undisturbed(scan.device), torch.no_grad():
            MODELS.build(params.training.model, spec=spec)(scan)
    except ConfigError:
        raise
    except (AttributeError, RuntimeError, ValueError) as error:
        name = getattr(params.training.model, "name", "")
        raise ConfigError(
            params.training.source,
            [f"model: {name} cannot be made for the planes under data with these keys: {error}"],
        ) from error
